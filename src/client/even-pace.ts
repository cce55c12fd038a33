import { pause } from '../runtime/retry.ts'

/** Batches a second, where there is a rate: small enough to be even, large enough to be cheap. */
const BATCHES = 4

/** Keeps work to so many a second, counted from when it began. Without a rate it never waits. */
export class EvenPace {
  readonly #rate: number | undefined
  readonly #startedAt = performance.now()

  /** @param rate jobs a second */
  constructor(rate: number | undefined) {
    this.#rate = rate
  }

  batchOf(most: number): number {
    return this.#rate === undefined ? most : Math.max(1, Math.min(most, Math.floor(this.#rate / BATCHES)))
  }

  /** Resolves when so many jobs may have been done, or when the signal aborts. */
  async wait(done: number, signal: AbortSignal | undefined): Promise<void> {
    if (this.#rate === undefined) return
    const dueAt = this.#startedAt + (done / this.#rate) * 1_000
    const early = dueAt - performance.now()
    if (early > 0) await pause(early, signal)
  }
}
