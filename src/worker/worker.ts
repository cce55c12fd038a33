// Front door of the consuming half: claim → execute → settle. It joins the claimer, the dispatcher and the settler and
// carries a job from one to the next. The one invariant: every claimed job ends in the settler exactly once, or the
// lease that entitled us to it is gone.
import { JobCancelledError, LeaseLostError, ShutdownError } from '../core/errors.ts'
import type { Events } from '../core/events.ts'
import { failedAttempt } from '../core/failure.ts'
import type { JobFacts } from '../core/job-facts.ts'
import type { Outcome } from '../core/outcome.ts'
import { delayAfter } from '../core/retry-policy.ts'
import { decide, type Settlement } from '../core/settlement.ts'
import type { TaskEntry } from '../core/task-list.ts'
import type { WorkerMessage } from '../core/worker-message.ts'
import { Bell } from '../runtime/bell.ts'
import type { Emitter } from '../runtime/emitter.ts'
import { pause } from '../runtime/retry.ts'
import type { ClaimedJob } from '../store/claim-jobs.ts'
import type { Store } from '../store/store.ts'
import { AttemptRecords } from './attempt-record.ts'
import { attemptVerbs } from './attempt-verbs.ts'
import type { ClaimBook } from './claim-book.ts'
import { Claimer, type ForbiddenFlags, type Lanes } from './claimer.ts'
import { Concluder, type EndedJob } from './concluder.ts'
import { Dispatcher } from './dispatcher.ts'
import type { Executed } from './executor.ts'
import { LazyJobContext, type ContextServices } from './job-context.ts'
import type { LeaseHolder, LeaseKeeper } from './lease-keeper.ts'
import { ProgressWriter } from './progress-writer.ts'
import { Settler } from './settler.ts'

/** Unsettled jobs from which on no more are claimed. */
const CLOGGED = 5_000
/** After the grace period: how long aborted handlers may still take before they are left behind. Milliseconds. */
const LAST_PATIENCE = 5_000
/** How long the last settlements may take to be written, when the database does not answer. Milliseconds. */
const LAST_FLUSH = 10_000

/** The shortest time that a handler's transaction may idle while it holds a job; else a lease. Milliseconds. */
const SHORTEST_IDLE = 5_000

export interface WorkerOptions {
  readonly store: Store
  readonly lanes: Lanes
  readonly lease: LeaseKeeper
  readonly book: ClaimBook
  /** By their numbers in this database. */
  readonly tasks: ReadonlyMap<number, TaskEntry>
  readonly queues: QueueNames
  readonly forbiddenFlags?: ForbiddenFlags | undefined
  readonly services: Omit<ContextServices, 'onProgress' | 'queueName' | 'verbs'>
  readonly events: Emitter<Events>
  /** An operator wants this process to stop in good order. */
  readonly onDrain: () => void
  /** Milliseconds that a handler has to end once its signal has aborted. @default 30 s */
  readonly stuckAfter?: number | undefined
  /** Milliseconds between looks for jobs without being told. */
  readonly pollInterval: number
  /** Monotonic milliseconds. */
  readonly now: () => number
}

/** The names of queues by their numbers; new ones may appear at any time. */
export interface QueueNames {
  has(queue: number): boolean
  name(queue: number): string
  refresh(): Promise<void>
}

export class Worker implements LeaseHolder {
  readonly #options: WorkerOptions
  readonly #claimer: Claimer
  readonly #dispatcher: Dispatcher
  readonly #settler: Settler
  readonly #concluder: Concluder
  readonly #records = new AttemptRecords()
  readonly #progress: ProgressWriter
  /** Rings when a job has ended, a batch was written, or there may be more to claim. */
  readonly #progressed = new Bell()
  #stopping = false
  /** What was paused while the claim that is on its way was: it may have looked before. */
  #pausedMeanwhile: readonly Paused[] = []

  constructor(options: WorkerOptions) {
    this.#options = options
    const { store, book, lease, lanes, tasks, queues, pollInterval, now, events } = options
    const services: ContextServices = {
      ...options.services,
      queueName: (queue) => queues.name(queue),
      onProgress: ({ job, hasEnded }, done, total, note) => {
        if (!hasEnded) this.#progress.report(job, done, total, note)
        if (events.has('job.progress')) {
          events.emit('job.progress', { job: this.#factsOf(job), done, total, note })
        }
      },
      verbs: (running) =>
        attemptVerbs(this.#records.of(running), {
          store,
          idle: Math.max(SHORTEST_IDLE, lease.duration),
          now,
          onWeather: (error, attempt) =>
            events.emit('worker.weather', { doing: 'store the step of a job', error, attempt }),
          onResultDropped: ({ job }, why) =>
            events.emit('job.result_dropped', { job: this.#factsOf(job), why }),
        }),
    }
    this.#progress = new ProgressWriter({
      store,
      now,
      onWeather: (error) =>
        events.emit('worker.weather', { doing: 'keep the progress of jobs', error, attempt: 1 }),
    })
    this.#settler = new Settler({
      store,
      book,
      onSettled: (job, settlement) => this.#settled(job, settlement),
      onRefused: (job, settlement, answered) => this.#refused(job, settlement, answered),
      onFlushed: () => {
        this.#progressed.ring()
        // It may have been clogged.
        this.#claimer.look()
      },
      onWeather: (error, attempt) => events.emit('worker.weather', { doing: 'settle jobs', error, attempt }),
      onUnwritable: (job, error) => this.#unwritable(job, error),
    })
    this.#concluder = new Concluder({
      store,
      onCompleted: (ended) => this.#completedByHandler(ended),
      onOpen: ({ job, settlement }) => {
        this.#settler.add(job, settlement)
        this.#progressed.ring()
      },
      onWeather: (error, attempt) =>
        events.emit('worker.weather', { doing: 'learn what handlers completed', error, attempt }),
    })
    this.#dispatcher = new Dispatcher({
      lanes,
      tasks,
      stuckAfter: options.stuckAfter,
      now,
      context: (running, task, payload) => new LazyJobContext(running, task.name, payload, services),
      onStarted: (job) => this.#started(job),
      onEnded: (job, executed) => this.#ended(job, executed),
      onLow: () => {
        this.#claimer.look()
        this.#progressed.ring()
      },
    })
    this.#claimer = new Claimer({
      store,
      lanes,
      lease,
      tasks: [...tasks.keys()],
      forbiddenFlags: options.forbiddenFlags,
      pollInterval,
      now,
      isClogged: () => this.#backlog > CLOGGED,
      onClaimed: (jobs) => this.#claimed(jobs),
      onWeather: (error, attempt) => events.emit('worker.weather', { doing: 'claim jobs', error, attempt }),
    })
    lease.holdFor(this)
  }

  start(): void {
    this.#claimer.start()
  }

  /** Jobs may have been added to this queue, or to any. */
  wake(queue?: number): void {
    this.#claimer.wake(queue)
    this.#progressed.ring()
  }

  /** Handlers under way. */
  get running(): number {
    return this.#dispatcher.running
  }

  /** Handlers are told; what waits in memory goes back, if it is still ours to give. The fence knows. */
  leaseLost(worker: number): void {
    this.#options.events.emit('worker.lease_lost', { worker, running: this.running })
    this.#release(this.#dispatcher.drain())
    this.#dispatcher.abort(new LeaseLostError('KT_LEASE_LOST', LEASE_LOST), { worker })
  }

  /** A good moment, too, to give back what slow handlers will not get to soon. */
  leaseRenewed(): void {
    this.#release(this.#dispatcher.takeExcess())
    this.#claimer.look()
  }

  told(message: WorkerMessage): void {
    switch (message.kind) {
      case 'cancel':
        this.#cancel(message.job, message.reason)
        return
      case 'pause':
        this.#release(this.#dispatcher.takeBuffered((job) => isMeant(message, job)))
        if (this.#options.lease.isClaiming) this.#pausedMeanwhile = [...this.#pausedMeanwhile, message]
        return
      case 'drain':
        this.#options.onDrain()
        return
      default:
        message satisfies never
    }
  }

  #cancel(id: string, reason: string): void {
    if (this.#dispatcher.abortJob(id, new JobCancelledError(reason))) return
    for (const job of this.#dispatcher.takeBuffered((buffered) => buffered.id === id)) {
      this.#settler.add(job, { kind: 'cancelled', reason })
    }
  }

  /** Runs what is ready and what that adds, then resolves; waits for nothing scheduled. Instead of `start`. */
  async runUntilDry(): Promise<void> {
    while (!this.#stopping) {
      this.#claimer.wake()
      // Asked first: a handler that ends while the claim is under way may have added what the claim did not see.
      const isIdle = this.#dispatcher.isEmpty && this.#backlog === 0
      const claimed = await this.#claimer.runOnce()
      if (claimed === 0 && isIdle) return
      if (claimed === 0 || claimed === undefined) await this.#progressed.sleep(this.#options.pollInterval)
    }
  }

  /**
   * Two phases: no more claims, buffered jobs go back; running ones may end within `grace` ms, then their signals
   * abort, and what has not ended a moment later goes back too. Settlements are flushed last.
   */
  async stop(grace: number): Promise<void> {
    this.#stopping = true
    // At once: while the last claim is awaited, handlers end, and nothing must take their places.
    this.#release(this.#dispatcher.drain())
    await this.#claimer.stop()
    await this.#handlersEnded(grace)
    this.#dispatcher.abort(new ShutdownError('KT_SHUTDOWN', SHUTDOWN), { patience: LAST_PATIENCE })
    await this.#handlersEnded(LAST_PATIENCE + 1_000)
    await this.#flush()
  }

  async #handlersEnded(within: number): Promise<void> {
    const deadline = this.#options.now() + within
    while (this.running > 0 && this.#options.now() < deadline) {
      await this.#progressed.sleep(deadline - this.#options.now())
    }
  }

  async #flush(): Promise<void> {
    const done = new AbortController()
    const flushed = this.#concluder
      .concluded()
      .then(() => this.#settler.flushed())
      .then(() => this.#progress.flushed())
      .finally(() => done.abort())
    await pause(LAST_FLUSH, done.signal)
    this.#concluder.giveUp()
    this.#settler.giveUp()
    await flushed
  }

  async #claimed(jobs: readonly ClaimedJob[]): Promise<void> {
    const { book, queues } = this.#options
    book.opened(jobs)
    if (jobs.some((job) => !queues.has(job.queueId))) await this.#refreshNames()
    const wanted = jobs.filter((job) => !this.#hasEnded(job) && !this.#isPaused(job))
    this.#pausedMeanwhile = []
    this.#release(this.#stopping ? wanted : this.#dispatcher.take(wanted))
  }

  /** Claimed just before it was paused: it goes back. */
  #isPaused(job: ClaimedJob): boolean {
    if (!this.#pausedMeanwhile.some((paused) => isMeant(paused, job))) return false
    this.#release([job])
    return true
  }

  /** What was cancelled or superseded while it ran before is settled without running. */
  #hasEnded(job: ClaimedJob): boolean {
    if (job.ended === null) return false
    this.#settler.add(job, { kind: 'cancelled', reason: job.ended })
    return true
  }

  /** Names are for people: jobs that are claimed must run without them. */
  async #refreshNames(): Promise<void> {
    const { queues, events } = this.#options
    try {
      await queues.refresh()
    } catch (error) {
      events.emit('worker.weather', { doing: 'read the names of queues', error, attempt: 1 })
    }
  }

  #release(jobs: readonly ClaimedJob[]): void {
    for (const job of jobs) this.#settler.add(job, { kind: 'released' })
  }

  #started(job: ClaimedJob): void {
    const { events } = this.#options
    if (events.has('job.started')) events.emit('job.started', { job: this.#factsOf(job) })
  }

  #ended(job: ClaimedJob, { outcome, flaw, stuck }: Executed): void {
    const { events } = this.#options
    if (flaw !== undefined) events.emit('job.result_dropped', { job: this.#factsOf(job), why: flaw })
    if (stuck) events.emit('job.stuck', { job: this.#factsOf(job) })
    this.#progress.ended(job)
    this.#settle(job, outcome)
    this.#progressed.ring()
  }

  #settle(job: ClaimedJob, outcome: Outcome): void {
    const record = this.#records.find(job)
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
    const { events } = this.#options
    this.#settler.close(job)
    const settlement: Settlement = { kind: 'completed', result: record.completed?.result }
    if (ignored.kind !== 'completed') {
      events.emit('job.outcome_ignored', { job: this.#factsOf(job), settlement: ignored })
    }
    this.#settled(job, settlement)
    this.#progressed.ring()
  }

  /** Executions that ended and of which the database has not heard. */
  get #backlog(): number {
    return this.#settler.backlog + this.#concluder.backlog
  }

  #decide(job: ClaimedJob, outcome: Outcome): Settlement {
    return decide(outcome, job, this.#delayAfter)
  }

  /** Made once: a closure for each job would cost more than deciding it. */
  readonly #delayAfter = (error: unknown, job: ClaimedJob): number => {
    const { tasks, events } = this.#options
    const facts = this.#factsOf(job)
    const { delay, flaw } = delayAfter({ job: facts, error }, tasks.get(job.taskId)?.defaults.backoff)
    if (flaw !== undefined) events.emit('job.backoff_failed', { job: facts, error: flaw.error, delay })
    return delay
  }

  #settled(job: ClaimedJob, settlement: Settlement): void {
    const { events } = this.#options
    if (settlement.kind === 'retry' || settlement.kind === 'dead') {
      events.emit('job.failed', { job: this.#factsOf(job), settlement })
    }
    if (events.has('job.settled')) events.emit('job.settled', { job: this.#factsOf(job), settlement })
  }

  /** Nobody misses what was only to be given back. */
  #refused(job: ClaimedJob, { kind }: Settlement, answered: boolean): void {
    if (kind !== 'released')
      this.#options.events.emit('job.lost', { job: this.#factsOf(job), certain: answered })
  }

  #unwritable(job: ClaimedJob, error: unknown): Settlement {
    this.#options.events.emit('worker.weather', { doing: `settle job ${job.id}`, error, attempt: 1 })
    return this.#decide(job, {
      kind: 'failed',
      error: failedAttempt(error),
      permanent: false,
      retryIn: undefined,
      retryAt: undefined,
      thrown: error,
    })
  }

  #factsOf({ id, taskId, queueId, attempt, maxAttempts }: ClaimedJob): JobFacts {
    const { tasks, queues } = this.#options
    const task = tasks.get(taskId)?.name ?? String(taskId)
    return { id, task, queue: queues.name(queueId), attempt, maxAttempts }
  }
}

type Paused = Extract<WorkerMessage, { kind: 'pause' }>

function isMeant({ queue, task }: Paused, job: ClaimedJob): boolean {
  return job.queueId === queue || job.taskId === task
}

const LEASE_LOST =
  'This process could not renew its lease in time (it was suspended, or could not reach the database), so another process may already run this job. Stop; nothing that happens here is recorded.'
const SHUTDOWN =
  'The runner is stopping and its grace period is over. The job is given back and loses no attempt.'
