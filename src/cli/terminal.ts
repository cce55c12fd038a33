import { styleText } from 'node:util'

/** One stream of a process, such as `process.stdout`. */
export interface Output {
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
  write(text: string): unknown
}

export interface TerminalStreams {
  readonly stdout: Output
  readonly stderr: Output
  readonly env: Readonly<Record<string, string | undefined>>
}

type Style = Parameters<typeof styleText>[0]

/** Where a command speaks: results to stdout, everything else to stderr. */
export class Terminal {
  readonly #streams: TerminalStreams
  #hasColours: boolean
  #hasProgress = false

  constructor(streams: TerminalStreams) {
    this.#streams = streams
    const { NO_COLOR = '' } = streams.env
    this.#hasColours = NO_COLOR === '' && streams.stdout.isTTY === true
  }

  get hasColours(): boolean {
    return this.#hasColours
  }

  withoutColours(): void {
    this.#hasColours = false
  }

  /** A line of the result. */
  say(line = ''): void {
    this.#clear()
    this.#streams.stdout.write(`${line}\n`)
  }

  /** A line for people, also where the result is for a program. */
  tell(line: string): void {
    this.#clear()
    this.#streams.stderr.write(`${line}\n`)
  }

  /** What is going on, in a line that the next one replaces. On a terminal only. */
  progress(line: string): void {
    const { stderr } = this.#streams
    if (stderr.isTTY !== true) return
    this.#clear()
    stderr.write(line.slice(0, (stderr.columns ?? 80) - 1))
    this.#hasProgress = true
  }

  paint(style: Style, text: string): string {
    return this.#hasColours ? styleText(style, text, { validateStream: false }) : text
  }

  #clear(): void {
    if (!this.#hasProgress) return
    this.#hasProgress = false
    this.#streams.stderr.write('\r\u001b[2K')
  }
}
