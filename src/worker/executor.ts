// One job → one Outcome. No database, no log, no decision about what the outcome means.
import { JobTimeoutError, KongTaskError, ShutdownError } from '../core/errors.ts'
import { PermanentError } from '../core/handler-errors.ts'
import type { JobContext } from '../core/job-context.ts'
import type { Outcome } from '../core/outcome.ts'
import { outcomeOfReturn, outcomeOfThrow } from '../core/outcome-of.ts'
import { parsePayload } from '../core/payload-schema.ts'
import type { TaskEntry } from '../core/task-list.ts'
import type { RunningJob } from './running-job.ts'

export interface Execution {
  readonly running: RunningJob
  readonly task: TaskEntry
  /** Milliseconds; undefined for no limit. */
  readonly timeout: number | undefined
  readonly context: (payload: unknown) => JobContext
}

export interface Executed {
  readonly outcome: Outcome
  /** Why the handler's result was left out, where it was. */
  readonly flaw?: string
  /** The handler did not end in time; it may still be at work. */
  readonly stuck?: true
}

/** Runs the handler of a claimed job. Never rejects: whatever happens is an outcome. */
export async function execute(execution: Execution): Promise<Executed> {
  const { running, task, timeout } = execution
  if (timeout !== undefined) {
    running.abortAfter(timeout, () => new JobTimeoutError('KT_JOB_TIMEOUT', `The job took longer than its timeout of ${timeout} ms.`))
  }
  try {
    const executed = await new Promise<Executed | undefined>((resolve, reject) => {
      running.onAbandoned(() => resolve(undefined))
      perform(execution).then(resolve, reject)
    })
    return executed === undefined ? stuck(running, task) : judged(running, executed)
  } finally {
    running.end()
  }
}

async function perform({ running, task, context }: Execution): Promise<Executed> {
  let payload: unknown
  try {
    payload = await parsed(running.job.payload, task)
  } catch (error) {
    return { outcome: outcomeOfThrow(new PermanentError(messageOf(error), { cause: error })) }
  }
  try {
    return outcomeOfReturn(await task.handle(payload, context(payload)))
  } catch (error) {
    return { outcome: outcomeOfThrow(error) }
  }
}

/** A payload that does not fit will not fit next time either. */
function parsed(text: string, task: TaskEntry): unknown {
  const payload: unknown = JSON.parse(text)
  return task.schema === undefined ? payload : parsePayload(task.name, task.schema, payload)
}

/** An abort decides where it came first: after a timeout nothing counts, at shutdown a normal return still does. */
function judged(running: RunningJob, executed: Executed): Executed {
  const reason = running.abortReason
  if (reason === undefined) return executed
  if (reason instanceof JobTimeoutError) return { outcome: outcomeOfThrow(reason) }
  return executed.outcome.kind === 'failed' ? { outcome: { kind: 'interrupted' } } : executed
}

function stuck(running: RunningJob, task: TaskEntry): Executed {
  const reason = running.abortReason ?? new ShutdownError('KT_SHUTDOWN', `The handler of "${task.name}" was abandoned.`)
  const outcome: Outcome = reason instanceof JobTimeoutError ? outcomeOfThrow(reason) : { kind: 'interrupted' }
  return { outcome, stuck: true }
}

function messageOf(error: unknown): string {
  if (error instanceof KongTaskError) return error.message
  return `The payload could not be read: ${error instanceof Error ? error.message : String(error)}`
}
