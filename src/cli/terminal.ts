import { styleText } from 'node:util'
import { BrokenOutput } from './broken-output.ts'

/** One stream of a process, such as `process.stdout`. */
export interface Output {
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
  write(text: string): unknown
  /** Told of what could not be written. */
  on?(event: 'error', listener: (error: Error) => void): unknown
}

/** Where a process reads from, such as `process.stdin`. */
export interface Input extends AsyncIterable<string | Uint8Array> {
  readonly isTTY?: boolean | undefined
}

export interface TerminalStreams {
  readonly stdin?: Input | undefined
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
  readonly #broken = new Set<Output>()
  readonly #breaking = new AbortController()

  constructor(streams: TerminalStreams) {
    this.#streams = streams
    const { NO_COLOR = '', TERM } = streams.env
    this.#hasColours = NO_COLOR === '' && TERM !== 'dumb' && streams.stdout.isTTY === true
    for (const output of [streams.stdout, streams.stderr]) {
      output.on?.('error', (error) => {
        this.#broken.add(output)
        this.#breaking.abort(new BrokenOutput(error))
      })
    }
  }

  /** Aborts with a `BrokenOutput` when one of the streams cannot be written any more. What is said there is dropped then. */
  get broken(): AbortSignal {
    return this.#breaking.signal
  }

  get hasColours(): boolean {
    return this.#hasColours
  }

  /** Whether somebody sits there and reads: tables may be laid out, lines may replace each other. */
  get isInteractive(): boolean {
    return this.#streams.stdout.isTTY === true
  }

  /** Columns of what it is written to; 100 where nobody knows. */
  get width(): number {
    return this.#streams.stdout.columns ?? 100
  }

  withoutColours(): void {
    this.#hasColours = false
  }

  /** A line of the result. */
  say(line = ''): void {
    this.#clear()
    this.#write(this.#streams.stdout, `${line}\n`)
  }

  /** A line for people, also where the result is for a program. */
  tell(line: string): void {
    this.#clear()
    this.#write(this.#streams.stderr, `${line}\n`)
  }

  /** Text of the result as it is, escape sequences included: for a screen that is drawn anew. */
  draw(text: string): void {
    this.#clear()
    this.#write(this.#streams.stdout, text)
  }

  /** A question, without an end of line. */
  ask(question: string): void {
    this.#clear()
    this.#write(this.#streams.stderr, question)
  }

  /** What is going on, in a line that the next one replaces. On a terminal only. */
  progress(line: string): void {
    const { stderr } = this.#streams
    if (stderr.isTTY !== true) return
    this.#clear()
    this.#write(stderr, line.slice(0, (stderr.columns ?? 80) - 1))
    this.#hasProgress = true
  }

  paint(style: Style, text: string): string {
    return this.#hasColours ? styleText(style, text, { validateStream: false }) : text
  }

  #clear(): void {
    if (!this.#hasProgress) return
    this.#hasProgress = false
    this.#write(this.#streams.stderr, '\r\u001b[2K')
  }

  #write(output: Output, text: string): void {
    if (!this.#broken.has(output)) output.write(text)
  }
}
