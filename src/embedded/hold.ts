import { randomBytes } from 'node:crypto'
import { closeSync, constants, existsSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs'
import { readdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { KongTaskError } from '../core/errors.ts'
import { runCommand } from './command.ts'
import { hasCode } from './error-code.ts'
import { isAlive } from './processes.ts'
import type { RunAs } from './run-as.ts'
import { until } from './until.ts'

// A hold is an open write end of the named pipe `holds` in a server's run folder. The kernel counts them: it closes
// a process's when that dies, however it dies, and the keeper (keeper.ts), which reads the pipe, sees its end when the
// last one is closed. Each holder also writes a line, the name of a file that the keeper then creates. That is the
// keeper's word that it has seen the hold while it was open; without it, a hold taken at the very moment of the
// pipe's end would be held on a server that is about to stop.

const { O_RDWR, O_WRONLY, O_NONBLOCK, O_NOFOLLOW } = constants

export interface Hold {
  readonly runFolder: string
  /** To be called once. The server ends when all have done so. */
  letGo(): Promise<void>
}

/** `ending`: its server is about to stop. `abandoned`: nobody reads the pipe, so nobody will stop the server. */
export type HoldRefusal = 'ending' | 'abandoned'

const pipeOf = (runFolder: string): string => join(runFolder, 'holds')

/** An end of the pipe that is both: it keeps the pipe from ending, and from blocking, until reader and hold are there. */
export interface Opening {
  release(): void
}

/** Makes the pipe, with its name only once it is open: a sweep takes a pipe that nobody reads for abandoned. */
export async function openHolds(runFolder: string, as: RunAs): Promise<Opening> {
  const draft = join(runFolder, 'new-holds')
  const { ok, problem } = await runCommand('mkfifo', ['-m', '600', draft], { as })
  if (!ok) throw new KongTaskError('KT_POSTGRES_START_FAILED', `Cannot make the pipe ${draft}: ${problem}`)
  const both = openSync(draft, O_RDWR | O_NONBLOCK | O_NOFOLLOW)
  renameSync(draft, pipeOf(runFolder))
  let isOpen = true
  return {
    release() {
      // Twice would close what has got the same number since.
      if (isOpen) closeSync(both)
      isOpen = false
    },
  }
}

/** Whether the server in the folder has a keeper. */
export function pipeState(runFolder: string): 'kept' | HoldRefusal {
  const pipe = openPipe(runFolder)
  if (typeof pipe === 'string') return pipe
  closeSync(pipe)
  return 'kept'
}

export async function takeHold(runFolder: string, signal: AbortSignal): Promise<Hold | HoldRefusal> {
  const pipe = openPipe(runFolder)
  if (typeof pipe === 'string') return pipe

  const name = `hold.${process.pid}.${randomBytes(4).toString('hex')}`
  try {
    writeSync(pipe, `${name}\n`)
    const answer = await until(() => {
      if (existsSync(join(runFolder, name))) return 'seen'
      return existsSync(pipeOf(runFolder)) ? undefined : 'ending'
    }, signal)
    if (answer === 'seen') return { runFolder, letGo: () => letGo(runFolder, name, pipe) }
  } catch (error) {
    closeSync(pipe)
    if (hasCode(error, 'EPIPE')) return 'ending'
    throw error
  }
  closeSync(pipe)
  return 'ending'
}

function openPipe(runFolder: string): number | HoldRefusal {
  try {
    const pipe = openSync(pipeOf(runFolder), O_WRONLY | O_NONBLOCK | O_NOFOLLOW)
    if (fstatSync(pipe).isFIFO()) return pipe
    closeSync(pipe)
    return 'ending'
  } catch (error) {
    if (hasCode(error, 'ENXIO')) return 'abandoned'
    if (hasCode(error, 'ENOENT')) return 'ending'
    if (!hasCode(error, 'EACCES')) throw error
    throw new KongTaskError(
      'KT_POSTGRES_IN_USE',
      `The server that has ${runFolder} was started by another user. Share it through its connection string, ` +
        'or use another folder.',
      { cause: error },
    )
  }
}

async function letGo(runFolder: string, name: string, pipe: number): Promise<void> {
  closeSync(pipe)
  await unlink(join(runFolder, name)).catch(() => undefined)
}

/** Whether a process that lives has a hold on the server. The file of one that was killed remains. */
export async function isHeld(runFolder: string): Promise<boolean> {
  const names = await readdir(runFolder).catch(() => [])
  return names.some((name) => name.startsWith('hold.') && isAlive(Number(name.split('.')[1])))
}
