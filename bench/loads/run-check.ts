/** Counts how often each job ran, so that a rate is only reported of work that was done, each piece once. */
export class RunCheck {
  readonly #counts: Uint8Array
  #ran = 0

  constructor(jobs: number) {
    this.#counts = new Uint8Array(jobs)
  }

  /** `job` counts from 0. */
  ran(job: number): void {
    this.#counts[job] = (this.#counts[job] ?? 0) + 1
    this.#ran += 1
  }

  get count(): number {
    return this.#ran
  }

  /** @throws where one of the first so many jobs ran twice or never */
  verify(jobs = this.#counts.length): void {
    this.#refuse(this.#counts.findIndex((count, n) => n < jobs && count !== 1))
  }

  /** @throws where a job ran twice */
  verifyNoneTwice(): void {
    this.#refuse(this.#counts.findIndex((count) => count > 1))
  }

  #refuse(wrong: number): void {
    if (wrong !== -1)
      throw new Error(`Job ${wrong} ran ${this.#counts[wrong]} times: the measurement is void.`)
  }
}

/** A payload as the benchmarks use it. */
export function numberOf(payload: unknown): number {
  if (typeof payload === 'object' && payload !== null && 'n' in payload && typeof payload.n === 'number')
    return payload.n
  throw new TypeError('A benchmark job came back with another payload than it was given.')
}
