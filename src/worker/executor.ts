// One job → one Outcome. No database, no log, no decision about what the outcome means. What can be told at once is
// told at once: a handler that returns no promise costs none.
import { JobCancelledError, JobTimeoutError, KongTaskError } from '../core/errors.ts'
import { decodePayload } from '../core/decode-payload.ts'
import { PermanentError } from '../core/handler-errors.ts'
import type { JobContext } from '../core/job-context.ts'
import type { Outcome } from '../core/outcome.ts'
import { outcomeOfReturn, outcomeOfThrow } from '../core/outcome-of.ts'
import { SEALED, type PayloadCipher } from '../core/payload-cipher.ts'
import type { TaskEntry } from '../core/task-list.ts'
import { recordOf, type WorkFacts } from '../store/rows.ts'
import type { RunningJob } from './running-job.ts'

export interface Execution {
  readonly running: RunningJob
  readonly task: TaskEntry
  readonly facts: Pick<WorkFacts, 'version' | 'encryptionKey'>
  /** Opens payloads that are sealed. */
  readonly cipher?: PayloadCipher | undefined
  /** Milliseconds; undefined for no limit. */
  readonly timeout: number | undefined
  readonly context: (running: RunningJob, task: TaskEntry, payload: unknown) => JobContext
}

export interface Executed {
  readonly outcome: Outcome
  /** Why the handler's result was left out, where it was. */
  readonly flaw?: string
  /** The handler did not end in time; it may still be at work. */
  readonly stuck?: true
  /** It was not run, because its payload is of this version, which the process does not know. */
  readonly newer?: number
}

/** Runs the handler of a claimed job. Neither throws nor rejects: whatever happens is an outcome. */
export function execute(execution: Execution): Executed | Promise<Executed> {
  const { running, timeout } = execution
  if (timeout !== undefined) running.abortAfter(timeout, () => timedOut(timeout))
  let payload: unknown
  try {
    payload = decoded(execution)
  } catch (error) {
    return ended(running, badPayload(error))
  }
  if (!isPromise(payload)) return perform(execution, payload)
  const executed = payload.then(
    (output) => perform(execution, output),
    (error: unknown) => ended(running, badPayload(error)),
  )
  return unlessAbandoned(running, (resolve) => void executed.then(resolve))
}

function perform({ running, task, context }: Execution, payload: unknown): Executed | Promise<Executed> {
  // Told to end while the payload was validated.
  if (running.abortReason !== undefined) return ended(running, { outcome: { kind: 'interrupted' } })
  try {
    const returned = task.handle(payload, context(running, task, payload))
    return isPromise(returned) ? whenEnded(running, returned) : ended(running, outcomeOfReturn(returned))
  } catch (error) {
    return ended(running, { outcome: outcomeOfThrow(error) })
  }
}

function whenEnded(running: RunningJob, handler: PromiseLike<unknown>): Promise<Executed> {
  return unlessAbandoned(running, (resolve) => {
    // Query builders and their like are awaited as `await` does it; a promise is taken as it is.
    Promise.resolve(handler).then(
      (value) => resolve(ended(running, outcomeOfReturn(value))),
      (error: unknown) => resolve(ended(running, { outcome: outcomeOfThrow(error) })),
    )
  })
}

/** What was told to end and does not is left behind: what it does later changes nothing. */
function unlessAbandoned(
  running: RunningJob,
  start: (resolve: (executed: Executed) => void) => void,
): Promise<Executed> {
  return new Promise((resolve) => {
    running.onAbandoned(() => resolve(ended(running, { outcome: { kind: 'interrupted' }, stuck: true })))
    start(resolve)
  })
}

/** An abort decides where it came first: after a timeout nothing counts, at shutdown a normal return still does. */
function ended(running: RunningJob, executed: Executed): Executed {
  running.end()
  if (executed.stuck !== true) running.returned()
  const reason = running.abortReason
  if (reason === undefined) return executed
  if (reason instanceof JobCancelledError) {
    // The work was done before the handler heard, or in spite of it.
    if (executed.outcome.kind === 'completed' && executed.stuck !== true) return executed
    const outcome = { kind: 'cancelled' as const, reason: reason.reason }
    return executed.stuck === true ? { outcome, stuck: true } : { outcome }
  }
  if (reason instanceof JobTimeoutError) {
    const outcome = outcomeOfThrow(reason)
    return executed.stuck === true ? { outcome, stuck: true } : { outcome }
  }
  return executed.outcome.kind === 'failed' ? { outcome: { kind: 'interrupted' } } : executed
}

function decoded({ running, task, facts: { version, encryptionKey }, cipher }: Execution): unknown {
  if (encryptionKey !== undefined)
    running.rawPayload = opened(running.rawPayload, task, encryptionKey, cipher)
  return decodePayload({ text: running.rawPayload, version, isSecret: encryptionKey !== undefined }, task)
}

function opened(stored: string, { name }: TaskEntry, key: string, cipher: PayloadCipher | undefined): string {
  if (cipher !== undefined) return cipher.open(name, key, recordOf(JSON.parse(stored))[SEALED])
  throw new KongTaskError(
    'KT_ENCRYPTION_KEY_UNKNOWN',
    `The payload is encrypted with the key "${key}", and this process was given no \`encryption\`.`,
  )
}

/**
 * A payload that does not fit will not fit next time either. A key that is missing may be there then: keys come with
 * deploys, and which process has them first is chance.
 */
function badPayload(error: unknown): Executed {
  if (error instanceof KongTaskError && error.code === 'KT_ENCRYPTION_KEY_UNKNOWN') {
    return { outcome: outcomeOfThrow(error) }
  }
  const message =
    error instanceof KongTaskError
      ? error.message
      : 'The schema threw instead of judging the payload; see the cause.'
  return { outcome: outcomeOfThrow(new PermanentError(message, { cause: error })) }
}

function timedOut(timeout: number): JobTimeoutError {
  return new JobTimeoutError('KT_JOB_TIMEOUT', `The job took longer than its timeout of ${timeout} ms.`)
}

function isPromise(value: unknown): value is Promise<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
