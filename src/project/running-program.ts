// A program that was started, with what it starts itself: its start, its end, and that it does not outlive us.
import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'

/** How long a program may take to end after SIGTERM. */
const KILL_AFTER = 5_000
/** How long what it printed may take to arrive when it has ended: what it left behind may hold its pipes for ever. */
const LONGEST_DRAIN = 1_000

export type RunningProgram = ChildProcessByStdio<Writable, Readable, Readable>

export interface ProgramEnd {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

const running = new Set<RunningProgram>()

/**
 * Starts it in a group of its own: Ctrl-C in a terminal is for us to hear, and its children end with it. It is killed where
 * this process exits first; what kills this process outright leaves it alone.
 *
 * @throws what the system says where it cannot be started
 */
export async function startProgram(path: string, env: NodeJS.ProcessEnv): Promise<RunningProgram> {
  const program = spawn(path, [], { stdio: ['pipe', 'pipe', 'pipe'], detached: true, env })
  // Before anything else: without a free file descriptor it has no streams, and says so later.
  await once(program, 'spawn')
  if (running.size === 0) process.once('exit', killAll)
  running.add(program)
  return program
}

/** Resolves when it has ended, and what it printed has arrived. When the signal aborts, it is told to end, then killed. */
export function programEnd(program: RunningProgram, signal: AbortSignal): Promise<ProgramEnd> {
  return new Promise((resolve) => {
    let killing: NodeJS.Timeout | undefined
    let draining: NodeJS.Timeout | undefined
    const onAbort = (): void => {
      signalGroup(program, 'SIGTERM')
      killing = setTimeout(() => signalGroup(program, 'SIGKILL'), KILL_AFTER)
    }
    const settle = (end: ProgramEnd): void => {
      clearTimeout(killing)
      clearTimeout(draining)
      signal.removeEventListener('abort', onAbort)
      forget(program)
      resolve(end)
    }
    signal.addEventListener('abort', onAbort)
    if (signal.aborted) onAbort()
    program.once('exit', (code, endedBy) => {
      const end = { code, signal: endedBy }
      program.once('close', () => settle(end))
      const giveUp = (): void => {
        program.stdout.destroy()
        program.stderr.destroy()
        settle(end)
      }
      // What it has started may also have been told to end.
      const longest = signal.aborted ? KILL_AFTER + LONGEST_DRAIN : LONGEST_DRAIN
      // Once more around the event loop: if that was blocked, what was printed has yet to be read.
      draining = setTimeout(() => setImmediate(giveUp), longest)
    })
  })
}

function forget(program: RunningProgram): void {
  running.delete(program)
  if (running.size === 0) process.off('exit', killAll)
}

function killAll(): void {
  for (const program of running) signalGroup(program, 'SIGKILL')
}

function signalGroup({ pid }: RunningProgram, signal: NodeJS.Signals): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, signal)
  } catch {
    // It has just ended.
  }
}
