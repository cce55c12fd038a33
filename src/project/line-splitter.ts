const LONGEST = 16 * 1024

/** Lines of text that arrives in pieces. Empty ones are left out; one without an end is cut. */
export class LineSplitter {
  readonly #onLine: (line: string) => void
  #rest = ''
  #last: string | undefined

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine
  }

  /** The line that came last. */
  get last(): string | undefined {
    return this.#last
  }

  push(text: string): void {
    const lines = (this.#rest + text).split(/\r?\n/)
    this.#rest = lines.pop() ?? ''
    for (const line of lines) this.#tell(line)
    while (this.#rest.length > LONGEST) {
      this.#tell(this.#rest.slice(0, LONGEST))
      this.#rest = this.#rest.slice(LONGEST)
    }
  }

  end(): void {
    this.#tell(this.#rest)
    this.#rest = ''
  }

  #tell(line: string): void {
    if (line.trim() === '') return
    this.#last = line
    this.#onLine(line)
  }
}
