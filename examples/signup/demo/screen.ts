// What a person sees: lines that stay, and below them a few that are redrawn in place. Where nobody watches (a pipe,
// a log file) the live ones become a plain line now and then.
import { stripVTControlCharacters } from 'node:util'

export interface LiveLine {
  readonly label: string
  readonly done: number
  readonly total: number
  readonly note: string
}

export interface Screen {
  readonly say: (line?: string) => void
  /** Replaces the live lines. */
  readonly show: (lines: readonly LiveLine[]) => void
  /** Removes the live lines. */
  readonly clear: () => void
  readonly paint: Paint
}

type Painter = (text: string) => string
export type Paint = Readonly<Record<'bold' | 'dim' | 'green' | 'red', Painter>>

const CODES = { bold: 1, dim: 2, green: 32, red: 31 }
const BETWEEN_PLAIN_LINES = 2_000

export function openScreen(out: NodeJS.WriteStream): Screen {
  const isLive = out.isTTY && process.env['TERM'] !== 'dumb'
  const paint = paints(isLive && (process.env['NO_COLOR'] ?? '') === '')
  let drawn = 0
  let lastPlain = { at: 0, text: '' }

  const clear = (): void => {
    if (drawn > 0) out.write(`\u001B[${drawn}A\u001B[J`)
    drawn = 0
  }

  const showPlain = (lines: readonly LiveLine[]): void => {
    const text = lines
      .map(({ label, done, total, note }) => `${label} ${done}/${total}${note === '' ? '' : ` (${note})`}`)
      .join(', ')
    const now = performance.now()
    if (text === lastPlain.text || now - lastPlain.at < BETWEEN_PLAIN_LINES) return
    lastPlain = { at: now, text }
    out.write(`  ${text}\n`)
  }

  const showLive = (lines: readonly LiveLine[]): void => {
    clear()
    // A line that wraps would be two, and leave one behind at the next redraw.
    const width = Math.max(40, out.columns) - 1
    for (const line of lines) out.write(`${drawLine(line, width, paint)}\n`)
    drawn = lines.length
  }

  return {
    paint,
    clear,
    show: (lines) => (isLive ? showLive(lines) : showPlain(lines)),
    say: (line = '') => {
      clear()
      out.write(`${line}\n`)
    },
  }
}

function drawLine({ label, done, total, note }: LiveLine, width: number, paint: Paint): string {
  const count = `${done}/${total}`.padStart(9)
  const room = width - 2 - 10 - count.length - 4 - 42
  const length = Math.min(40, Math.max(8, room))
  const filled = total === 0 ? 0 : Math.min(length, Math.floor((done / total) * length))
  const bar = paint.green('━'.repeat(filled)) + paint.dim('─'.repeat(length - filled))
  const start = `  ${label.padEnd(10)}${bar} ${count}  `
  const left = Math.max(0, width - stripVTControlCharacters(start).length)
  return start + paint.dim(note.slice(0, left))
}

function paints(isColoured: boolean): Paint {
  const painter =
    (code: number): Painter =>
    (text) =>
      isColoured ? `\u001B[${code}m${text}\u001B[0m` : text
  return {
    bold: painter(CODES.bold),
    dim: painter(CODES.dim),
    green: painter(CODES.green),
    red: painter(CODES.red),
  }
}
