// A program in any language as a task. The contract stands in docs/cli.md: the payload as JSON on standard input, facts about
// the job in the environment, exit code as outcome, standard output as result, standard error to the job's log.
import { basename } from 'node:path'
import { PermanentError } from '../core/handler-errors.ts'
import type { JobContext } from '../core/job-context.ts'
import type { Job } from '../core/job.ts'
import { LineSplitter } from './line-splitter.ts'
import { programEnd, startProgram } from './running-program.ts'
import type { KeyedTask } from './task-of-module.ts'

/** EX_DATAERR of sysexits.h: what was given is wrong, and trying again cannot help. */
const EXIT_PERMANENT = 65
/** Of standard output, in characters; what is longer is no result. */
const LONGEST_RESULT = 1024 * 1024

export function executableTask(path: string): KeyedTask {
  return Object.freeze({ handle: (_payload: unknown, context: JobContext) => perform(path, context) })
}

async function perform(path: string, { job, rawPayload, logger, signal }: JobContext): Promise<unknown> {
  signal.throwIfAborted()
  const program = await startProgram(path, { ...process.env, ...factsOf(job) })
  const ending = programEnd(program, signal)
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

  const end = await ending
  complaints.end()
  if (end.code === 0) return resultOf(output, logger)
  signal.throwIfAborted()
  const how = end.code === null ? `was ended by ${end.signal}` : `exited with ${end.code}`
  const why = `${basename(path)} ${how}${complaints.last === undefined ? '.' : `: ${complaints.last}`}`
  throw end.code === EXIT_PERMANENT ? new PermanentError(why) : new Error(why)
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
