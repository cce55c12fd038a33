// From a claim to the dispatcher: what may not run after all is sorted out, and settled or given back at once.
import type { WorkerMessage } from '../core/worker-message.ts'
import type { ClaimedJob } from '../store/claim-jobs.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { Endings } from './endings.ts'
import type { Reporter } from './reporter.ts'
import type { WorkerOptions } from './worker-options.ts'

export interface IntakeOptions extends Pick<WorkerOptions, 'book' | 'queues' | 'lease'> {
  readonly dispatcher: Dispatcher
  readonly endings: Endings
  readonly reporter: Reporter
}

type Paused = Extract<WorkerMessage, { kind: 'pause' }>

/** What was paused while claims were on their way, and which: they may have looked before. */
interface PausedMeanwhile {
  readonly message: Paused
  readonly claims: ReadonlySet<number>
}

export class Intake {
  readonly #options: IntakeOptions
  #isClosed = false
  #pausedMeanwhile: readonly PausedMeanwhile[] = []

  constructor(options: IntakeOptions) {
    this.#options = options
  }

  async claimed(jobs: readonly ClaimedJob[]): Promise<void> {
    const { book, queues, dispatcher, endings } = this.#options
    book.opened(jobs)
    if (jobs.some((job) => !queues.has(job.queueId))) await this.#refreshNames()
    const wanted = jobs.filter((job) => !this.#hasEnded(job) && !this.#isPaused(job))
    this.#forgetPaused()
    endings.release(this.#isClosed ? wanted : dispatcher.take(wanted))
  }

  /** What waits for a slot goes back, and what a claim that is on its way brings. */
  paused(message: Paused): void {
    const { dispatcher, endings, lease } = this.#options
    endings.release(dispatcher.takeBuffered((job) => isMeant(message, job)))
    if (lease.awaited.size > 0) {
      this.#pausedMeanwhile = [...this.#pausedMeanwhile, { message, claims: new Set(lease.awaited) }]
    }
  }

  /** What waits for a slot goes back, and nothing is taken any more. */
  close(): void {
    this.#isClosed = true
    const { dispatcher, endings } = this.#options
    endings.release(dispatcher.drain())
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Claimed just before it was paused: it goes back. */
  #isPaused(job: ClaimedJob): boolean {
    const isPaused = this.#pausedMeanwhile.some(
      ({ message, claims }) => claims.has(job.lease.claim) && isMeant(message, job),
    )
    if (isPaused) this.#options.endings.release([job])
    return isPaused
  }

  /** What none of the claims that are still on their way can have missed. */
  #forgetPaused(): void {
    const { awaited } = this.#options.lease
    this.#pausedMeanwhile = this.#pausedMeanwhile.filter(({ claims }) =>
      [...claims].some((claim) => awaited.has(claim)),
    )
  }

  /** What was cancelled or superseded while it ran before is settled without running. */
  #hasEnded(job: ClaimedJob): boolean {
    if (job.ended === null) return false
    this.#options.endings.cancelled(job, job.ended)
    return true
  }

  /** Names are for people: jobs that are claimed must run without them. */
  async #refreshNames(): Promise<void> {
    const { queues, reporter } = this.#options
    try {
      await queues.refresh()
    } catch (error) {
      reporter.weather('read the names of queues')(error)
    }
  }
}

function isMeant({ queue, task }: Paused, job: ClaimedJob): boolean {
  return job.queueId === queue || job.taskId === task
}
