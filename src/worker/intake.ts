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

export class Intake {
  readonly #options: IntakeOptions
  #isClosed = false
  /** What was paused while the claim that is on its way was: it may have looked before. */
  #pausedMeanwhile: readonly Paused[] = []

  constructor(options: IntakeOptions) {
    this.#options = options
  }

  async claimed(jobs: readonly ClaimedJob[]): Promise<void> {
    const { book, queues, dispatcher, endings } = this.#options
    book.opened(jobs)
    if (jobs.some((job) => !queues.has(job.queueId))) await this.#refreshNames()
    const wanted = jobs.filter((job) => !this.#hasEnded(job) && !this.#isPaused(job))
    this.#pausedMeanwhile = []
    endings.release(this.#isClosed ? wanted : dispatcher.take(wanted))
  }

  /** What waits for a slot goes back, and what a claim that is on its way brings. */
  paused(message: Paused): void {
    const { dispatcher, endings, lease } = this.#options
    endings.release(dispatcher.takeBuffered((job) => isMeant(message, job)))
    if (lease.isClaiming) this.#pausedMeanwhile = [...this.#pausedMeanwhile, message]
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
    if (!this.#pausedMeanwhile.some((paused) => isMeant(paused, job))) return false
    this.#options.endings.release([job])
    return true
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
