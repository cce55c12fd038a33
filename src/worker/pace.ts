const MEMORY = 0.8
const SHORTEST_SPAN = 1

/**
 * What a lane's handlers can take, in jobs per millisecond. How long they take says what is possible; how many ended
 * lately, doubled, what is likely: the first overestimates handlers that keep the processor busy, the second
 * underestimates whenever jobs are short.
 */
export class Pace {
  readonly #concurrency: number
  #duration: number | undefined
  #finished = 0
  #since: number
  #rate = 0

  constructor(concurrency: number, now: number) {
    this.#concurrency = concurrency
    this.#since = now
  }

  /** A handler ended after so many milliseconds. */
  finished(duration: number): void {
    this.#finished += 1
    this.#duration =
      this.#duration === undefined ? duration : MEMORY * this.#duration + (1 - MEMORY) * duration
  }

  /** What is possible, going by how long handlers take. */
  get capacity(): number {
    return this.#duration === undefined ? 0 : this.#concurrency / Math.max(this.#duration, 0.001)
  }

  /** Asked once per claim: between two questions it counts. */
  rate(now: number): number {
    if (this.#duration === undefined) return 0
    const span = now - this.#since
    if (span >= SHORTEST_SPAN) {
      this.#rate = this.#finished / span
      this.#finished = 0
      this.#since = now
    }
    return Math.min(this.capacity, 2 * this.#rate)
  }
}
