/** Counts what has begun and not ended, for whoever wants to close things behind it. */
export class CallsUnderWay {
  #count = 0
  #idlers: (() => void)[] = []

  get count(): number {
    return this.#count
  }

  begin(): void {
    this.#count++
  }

  end(): void {
    this.#count--
    if (this.#count === 0) for (const wake of this.#idlers.splice(0)) wake()
  }

  async run<T>(work: () => T | Promise<T>): Promise<T> {
    this.begin()
    try {
      return await work()
    } finally {
      this.end()
    }
  }

  /** Resolves at the first moment at which nothing is under way. */
  idle(): Promise<void> {
    return this.#count === 0 ? Promise.resolve() : new Promise((resolve) => this.#idlers.push(resolve))
  }
}
