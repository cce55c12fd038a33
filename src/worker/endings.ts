// From the end of an execution to what is written: outcome → settlement → settler. Where the handler had transactions of
// its own, the concluder first asks what became of these. Every claimed job comes out here exactly once.
import { failedAttempt } from '../core/failure.ts'
import type { Outcome } from '../core/outcome.ts'
import { delayAfter } from '../core/retry-policy.ts'
import { decide, type Settlement } from '../core/settlement.ts'
import { pause } from '../runtime/retry.ts'
import type { ClaimedJob } from '../store/claim-jobs.ts'
import type { AttemptRecords } from './attempt-record.ts'
import { Concluder, type EndedJob } from './concluder.ts'
import type { Executed } from './executor.ts'
import type { ProgressWriter } from './progress-writer.ts'
import type { Reporter } from './reporter.ts'
import { Settler } from './settler.ts'
import type { WorkerOptions } from './worker-options.ts'

export interface EndingsOptions extends Pick<WorkerOptions, 'store' | 'book' | 'tasks' | 'now'> {
  readonly records: AttemptRecords
  readonly progress: ProgressWriter
  readonly reporter: Reporter
  /** An execution has ended. */
  readonly onEnded: () => void
  /** Nothing more is written about these jobs. */
  readonly onFlushed: (batch: readonly { readonly job: ClaimedJob }[]) => void
}

export class Endings {
  readonly #options: EndingsOptions
  readonly #settler: Settler
  readonly #concluder: Concluder

  constructor(options: EndingsOptions) {
    this.#options = options
    const { store, book, reporter, onEnded, onFlushed, now } = options
    this.#settler = new Settler({
      store,
      book,
      onSettled: (job, settlement) => reporter.settled(job, settlement),
      onRefused: (job, settlement, answered) => reporter.refused(job, settlement, answered),
      onFlushed,
      onWeather: reporter.weather('settle jobs'),
      onUnwritable: (job, error) => this.#unwritable(job, error),
      now,
    })
    this.#concluder = new Concluder({
      store,
      onCompleted: (ended) => this.#completedByHandler(ended),
      onOpen: ({ job, settlement }) => {
        this.#settler.add(job, settlement)
        onEnded()
      },
      onWeather: reporter.weather('learn what handlers completed'),
    })
  }

  /** Executions that ended and of which the database has not heard. */
  get backlog(): number {
    return this.#settler.backlog + this.#concluder.backlog
  }

  /** Never started: they go back as they were. */
  release(jobs: readonly ClaimedJob[]): void {
    for (const job of jobs) this.#settler.add(job, { kind: 'released' })
  }

  /** Never started, and never to be. */
  cancelled(job: ClaimedJob, reason: string): void {
    this.#settler.add(job, { kind: 'cancelled', reason })
  }

  ended(job: ClaimedJob, { outcome, flaw, stuck, newer }: Executed): void {
    const { reporter, progress, onEnded } = this.#options
    if (flaw !== undefined) reporter.resultDropped(job, flaw)
    if (stuck) reporter.stuck(job)
    if (newer !== undefined && outcome.kind === 'deferred') reporter.outdated(job, newer, outcome.delay)
    progress.ended(job)
    this.#settle(job, outcome)
    onEnded()
  }

  /** Resolves when all settlements so far are written, which do not rest meanwhile; those that are not known yet come later. */
  written(): Promise<void> {
    return this.#settler.flushed()
  }

  /** Writes everything that has ended so far, for as long as there is patience; the rest is left to the rescue. */
  async flush(patience: number): Promise<void> {
    const done = new AbortController()
    const flushed = this.#concluder
      .concluded()
      .then(() => this.written())
      .then(() => this.#options.progress.flushed())
      .finally(() => done.abort())
    await pause(patience, done.signal)
    this.#concluder.giveUp()
    this.#settler.giveUp()
    await flushed
  }

  #settle(job: ClaimedJob, outcome: Outcome): void {
    const record = this.#options.records.find(job)
    if (record === undefined) {
      this.#settler.add(job, this.#decide(job, outcome))
      return
    }
    const settlement = this.#decide(job, record.outcome(outcome))
    if (record.hasLocked) this.#concluder.add({ job, record, settlement })
    else this.#settler.add(job, settlement)
  }

  /** In a transaction of the handler's, which has committed: what the handler came to behind that changes nothing. */
  #completedByHandler({ job, record, settlement: ignored }: EndedJob): void {
    const { reporter, onEnded } = this.#options
    this.#settler.close(job)
    if (ignored.kind !== 'completed') reporter.outcomeIgnored(job, ignored)
    reporter.settled(job, { kind: 'completed', result: record.completed?.result })
    onEnded()
  }

  #decide(job: ClaimedJob, outcome: Outcome): Settlement {
    return decide(outcome, job, this.#delayAfter)
  }

  /** Made once: a closure for each job would cost more than deciding it. */
  readonly #delayAfter = (error: unknown, job: ClaimedJob): number => {
    const { tasks, reporter } = this.#options
    const facts = reporter.factsOf(job)
    const { delay, flaw } = delayAfter({ job: facts, error }, tasks.get(job.taskId)?.defaults.backoff)
    if (flaw !== undefined) reporter.backoffFailed({ job: facts, error: flaw.error, delay })
    return delay
  }

  #unwritable(job: ClaimedJob, error: unknown): Settlement {
    this.#options.reporter.weather(`settle job ${job.id}`)(error)
    return this.#decide(job, {
      kind: 'failed',
      error: failedAttempt(error),
      permanent: false,
      retryIn: undefined,
      retryAt: undefined,
      thrown: error,
    })
  }
}
