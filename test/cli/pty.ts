// A terminal with `kongtask` in it, driven as by a person: what is typed, what is shown, signals, the exit code.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import { spawn } from '@lydell/node-pty'
import { builtPackage } from './built-package.ts'

export const root = fileURLToPath(new URL('../..', import.meta.url))

export interface TerminalOptions {
  readonly cwd: string
  /** Beside what a program needs to start. Nothing else of our own environment. */
  readonly env?: Readonly<Record<string, string>> | undefined
  readonly columns?: number | undefined
  readonly rows?: number | undefined
}

export interface TerminalSession {
  readonly pid: number
  /** Everything that was shown until now, escape sequences included. */
  readonly raw: string
  /** The same as text. */
  readonly text: string
  /** Types. Ctrl-C is `\u0003`, Enter `\r`. */
  type(keys: string): void
  /** Resolves with the text when it has this; rejects where the program ends without. */
  shows(wanted: string | RegExp): Promise<string>
  readonly exited: Promise<number>
}

/** The environment of a program in these tests: no database, no colours said, task files see `kongtask` and our packages. */
export function environment(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  const { PATH = '', HOME = '', TMPDIR = '/tmp', KONGTASK_POSTGRES = 'package' } = process.env
  return {
    PATH,
    HOME,
    TMPDIR,
    KONGTASK_POSTGRES,
    TERM: 'xterm-256color',
    ...more,
  }
}

/** Node's own arguments before those of `kongtask`. */
export const PROGRAM = [join(builtPackage(), 'dist', 'cli', 'main.js')]

export function openTerminal(args: readonly string[], options: TerminalOptions): TerminalSession {
  const { cwd, env, columns = 100, rows = 30 } = options
  const program = spawn(process.execPath, [...PROGRAM, ...args], {
    cwd,
    env: environment(env),
    cols: columns,
    rows,
    name: 'xterm-256color',
  })
  let raw = ''
  let exitCode: number | undefined
  const waiting = new Set<() => void>()
  const tellAll = (): void => {
    for (const look of waiting) look()
  }
  program.onData((data) => {
    raw += data
    tellAll()
  })
  const exited = new Promise<number>((resolve) => {
    program.onExit(({ exitCode: code }) => {
      exitCode = code
      tellAll()
      resolve(code)
    })
  })
  const text = (): string => stripVTControlCharacters(raw).replaceAll('\r\n', '\n')
  return {
    pid: program.pid,
    get raw() {
      return raw
    },
    get text() {
      return text()
    },
    type: (keys) => program.write(keys),
    shows: (wanted) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const shown = text()
          const isThere = typeof wanted === 'string' ? shown.includes(wanted) : wanted.test(shown)
          if (!isThere && exitCode === undefined) return
          waiting.delete(look)
          if (isThere) resolve(shown)
          else reject(new Error(`It ended with ${exitCode} and did not show ${String(wanted)}:\n${shown}`))
        }
        waiting.add(look)
        look()
      }),
    exited,
  }
}
