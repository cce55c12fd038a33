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

/** What is not to start. */
type Order = Extract<WorkerMessage, { kind: 'pause' | 'cancel' }>

/** What was said while claims were on their way, and which: they may have looked before. */
interface OrderMeanwhile {
  readonly order: Order
  readonly claims: ReadonlySet<number>
}

export class Intake {
  readonly #options: IntakeOptions
  #isClosed = false
  #meanwhile: readonly OrderMeanwhile[] = []

  constructor(options: IntakeOptions) {
    this.#options = options
  }

  async claimed(jobs: readonly ClaimedJob[]): Promise<void> {
    const { book, queues, dispatcher, endings } = this.#options
    book.opened(jobs)
    if (jobs.some((job) => !queues.has(job.queueId))) await this.#refreshNames()
    const wanted = jobs.filter((job) => this.#isOurs(job) && !this.#hasEnded(job) && !this.#isStopped(job))
    this.#forgetOrders()
    endings.release(this.#isClosed ? wanted : dispatcher.take(wanted))
  }

  /** Holds for what waits for a slot, and for what a claim that is on its way brings. */
  told(order: Order): void {
    const { dispatcher, lease } = this.#options
    for (const job of dispatcher.takeBuffered((buffered) => isMeant(order, buffered))) this.#obey(order, job)
    if (lease.awaited.size > 0) {
      this.#meanwhile = [...this.#meanwhile, { order, claims: new Set(lease.awaited) }]
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

  /** What was claimed under a lease that is lost, or in doubt, goes back, if it is still ours to give. The fence knows. */
  #isOurs(job: ClaimedJob): boolean {
    const { lease, endings } = this.#options
    const isOurs = lease.registration?.worker === job.lease.worker
    if (!isOurs) endings.release([job])
    return isOurs
  }

  /** Claimed just before it was paused or cancelled. */
  #isStopped(job: ClaimedJob): boolean {
    const meanwhile = this.#meanwhile.find(
      ({ order, claims }) => claims.has(job.lease.claim) && isMeant(order, job),
    )
    if (meanwhile !== undefined) this.#obey(meanwhile.order, job)
    return meanwhile !== undefined
  }

  #obey(order: Order, job: ClaimedJob): void {
    const { endings } = this.#options
    if (order.kind === 'cancel') endings.cancelled(job, order.reason)
    else endings.release([job])
  }

  /** What none of the claims that are still on their way can have missed. */
  #forgetOrders(): void {
    const { awaited } = this.#options.lease
    this.#meanwhile = this.#meanwhile.filter(({ claims }) => [...claims].some((claim) => awaited.has(claim)))
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

function isMeant(order: Order, job: ClaimedJob): boolean {
  if (order.kind === 'cancel') return job.id === order.job
  return job.queueId === order.queue || job.taskId === order.task
}
