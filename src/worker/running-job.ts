import type { ClaimedJob } from '../store/claim-jobs.ts'
import { startTimer, type Timer } from '../runtime/timer.ts'

/** How long a handler may go on after its signal has aborted, before its slot is taken from it. Milliseconds. */
const PATIENCE = 30_000

/**
 * One execution under way: its signal, made when somebody looks, and the end of our patience. A handler that ends
 * is never `abandoned`; one that ignores its signal is, and whatever it does later changes nothing.
 */
export class RunningJob {
  readonly job: ClaimedJob
  #controller: AbortController | undefined
  #reason: Error | undefined
  #timeout: Timer | undefined
  #patience: Timer | undefined
  #onAbandoned: (() => void) | undefined

  constructor(job: ClaimedJob) {
    this.job = job
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

  abort(reason: Error, patience: number = PATIENCE): void {
    if (this.#reason !== undefined) return
    this.#reason = reason
    this.#controller?.abort(reason)
    this.#patience = startTimer(patience, () => this.#onAbandoned?.())
  }

  abortAfter(ms: number, reason: () => Error): void {
    this.#timeout = startTimer(ms, () => this.abort(reason()))
  }

  /** The handler has ended, or was abandoned. */
  end(): void {
    this.#timeout?.stop()
    this.#patience?.stop()
  }
}
