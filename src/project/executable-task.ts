// A program in any language as a task. The contract stands in docs/cli.md: the payload as JSON on standard input, facts about
// the job in the environment, exit code as outcome, standard output as result, standard error to the job's log.
import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { basename } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { PermanentError } from '../core/handler-errors.ts'
import type { JobContext } from '../core/job-context.ts'
import type { Job } from '../core/job.ts'
import { LineSplitter } from './line-splitter.ts'
import type { KeyedTask } from './task-of-module.ts'

/** EX_DATAERR of sysexits.h: what was given is wrong, and trying again cannot help. */
const EXIT_PERMANENT = 65
/** Of standard output, in characters; what is longer is no result. */
const LONGEST_RESULT = 1024 * 1024
/** How long a program may take to end after SIGTERM. */
const KILL_AFTER = 5_000

export function executableTask(path: string): KeyedTask {
  return Object.freeze({ handle: (_payload: unknown, context: JobContext) => perform(path, context) })
}

type Program = ChildProcessByStdio<Writable, Readable, Readable>

async function perform(path: string, { job, rawPayload, logger, signal }: JobContext): Promise<unknown> {
  signal.throwIfAborted()
  // A group of its own: Ctrl-C in a terminal is for us to hear, and its children end with it.
  const program = spawn(path, [], {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
    env: { ...process.env, ...factsOf(job) },
  })
  // Many programs do not read what they need not know.
  program.stdin.on('error', () => undefined)
  program.stdin.end(rawPayload)
  let output: string | undefined = ''
  program.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (output !== undefined)
      output = output.length + text.length > LONGEST_RESULT ? undefined : output + text
  })
  const complaints = new LineSplitter((line) => logger.warn(line))
  program.stderr.setEncoding('utf8').on('data', (text: string) => complaints.push(text))

  const end = await ended(program, signal)
  complaints.end()
  if (end.code === 0) return resultOf(output, logger)
  signal.throwIfAborted()
  const how = end.code === null ? `was ended by ${end.signal}` : `exited with ${end.code}`
  const why = `${basename(path)} ${how}${complaints.last === undefined ? '.' : `: ${complaints.last}`}`
  throw end.code === EXIT_PERMANENT ? new PermanentError(why) : new Error(why)
}

interface End {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** Rejects where it could not be started. */
function ended(program: Program, signal: AbortSignal): Promise<End> {
  return new Promise((resolve, reject) => {
    let killing: NodeJS.Timeout | undefined
    const onAbort = (): void => {
      killGroup(program, 'SIGTERM')
      killing = setTimeout(() => killGroup(program, 'SIGKILL'), KILL_AFTER)
    }
    const forget = (): void => {
      clearTimeout(killing)
      signal.removeEventListener('abort', onAbort)
    }
    signal.addEventListener('abort', onAbort)
    if (signal.aborted) onAbort()
    program.once('error', (error) => {
      forget()
      reject(error)
    })
    program.once('close', (code, endedBy) => {
      forget()
      resolve({ code, signal: endedBy })
    })
  })
}

function killGroup({ pid }: Program, signal: NodeJS.Signals): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, signal)
  } catch {
    // It has just ended.
  }
}

function factsOf({ id, task, queue, attempt, maxAttempts }: Job): Record<string, string> {
  return {
    KONGTASK_JOB_ID: id,
    KONGTASK_JOB_TASK: task,
    KONGTASK_JOB_QUEUE: queue,
    KONGTASK_JOB_ATTEMPT: String(attempt),
    KONGTASK_JOB_MAX_ATTEMPTS: String(maxAttempts),
  }
}

/** Its output where that is JSON; else it is logged. */
function resultOf(output: string | undefined, logger: JobContext['logger']): unknown {
  if (output === undefined) {
    logger.warn('Standard output was longer than 1 MiB, and is not kept as the result')
    return undefined
  }
  if (output.trim() === '') return undefined
  try {
    const result: unknown = JSON.parse(output)
    return result
  } catch {
    const lines = new LineSplitter((line) => logger.info(line))
    lines.push(output)
    lines.end()
    return undefined
  }
}
