const MEMORY = 0.5
const SHORTEST_SPAN = 5

/** How fast jobs are being finished: an average that forgets, in jobs per millisecond. */
export class Pace {
  #rate = 0
  #finished = 0
  #since: number

  constructor(now: number) {
    this.#since = now
  }

  finished(): void {
    this.#finished += 1
  }

  rate(now: number): number {
    const span = now - this.#since
    if (span >= SHORTEST_SPAN) {
      this.#rate = MEMORY * this.#rate + (1 - MEMORY) * (this.#finished / span)
      this.#finished = 0
      this.#since = now
    }
    return this.#rate
  }
}
