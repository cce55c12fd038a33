import type { ClaimedJob } from '../store/claim-jobs.ts'
import { startTimer, type Timer } from '../runtime/timer.ts'

/** How long a handler may go on after its signal has aborted, unless said otherwise. Milliseconds. */
const PATIENCE = 30_000

/**
 * One execution under way: its signal, made when somebody looks, and the end of our patience. A handler that ends
 * is never `abandoned`; one that ignores its signal is, and whatever it does later changes nothing. When it has
 * `returned` after all, it is at work no more.
 */
export class RunningJob {
  readonly job: ClaimedJob
  /** The payload as JSON text; opened, once it was, where it is sealed. */
  rawPayload: string
  readonly #patience: number
  #controller: AbortController | undefined
  #reason: Error | undefined
  #timers: Timer[] | undefined
  #onAbandoned: (() => void) | undefined
  #onReturned: (() => void) | undefined
  #hasEnded = false
  #hasReturned = false

  /** @param patience milliseconds that the handler has to end once its signal has aborted, before its slot is taken from it */
  constructor(job: ClaimedJob, patience: number = PATIENCE) {
    this.job = job
    this.rawPayload = job.payload
    this.#patience = patience
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#reason !== undefined) this.#controller.abort(this.#reason)
    }
    return this.#controller.signal
  }

  /** Why the signal aborted, if it did. The first reason stands. */
  get abortReason(): Error | undefined {
    return this.#reason
  }

  /** Calls back when a handler that was told to end has used up our patience. */
  onAbandoned(callback: () => void): void {
    this.#onAbandoned = callback
  }

  /** The first reason stands; of several patiences the one that ends first. */
  abort(reason: Error, patience: number = this.#patience): void {
    if (this.#reason === undefined) {
      this.#reason = reason
      this.#controller?.abort(reason)
    }
    this.#after(patience, () => {
      this.end()
      this.#onAbandoned?.()
    })
  }

  abortAfter(ms: number, reason: () => Error): void {
    this.#after(ms, () => this.abort(reason()))
  }

  /** What the handler still says is too late. */
  get hasEnded(): boolean {
    return this.#hasEnded
  }

  /** The handler has ended, or was abandoned. */
  end(): void {
    this.#hasEnded = true
    for (const timer of this.#timers ?? []) timer.stop()
    this.#timers = undefined
  }

  /** Calls back when the handler is at work no more; at once, where that is so. */
  onReturned(callback: () => void): void {
    this.#onReturned = callback
    if (this.#hasReturned) callback()
  }

  /** The handler is at work no more. */
  returned(): void {
    this.#hasReturned = true
    this.#onReturned?.()
  }

  #after(ms: number, fire: () => void): void {
    this.#timers ??= []
    this.#timers.push(startTimer(ms, fire))
  }
}
