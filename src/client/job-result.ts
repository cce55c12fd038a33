import { parsePositiveDuration, type Duration } from '../core/duration.ts'
import { JobCancelledError, KongTaskError } from '../core/errors.ts'
import { checkJobId } from '../core/job-id.ts'
import type { JobId } from '../core/job.ts'
import type { Json } from '../core/json.ts'
import { readOptions } from '../core/plain-object.ts'
import { showValue } from '../core/show-value.ts'
import { EndWatch } from '../store/end-watch.ts'
import type { JobEnd } from '../store/read-ends.ts'
import type { Store } from '../store/store.ts'
import { explained } from './explained.ts'

/** How long to wait for a result. */
export interface ResultOptions {
  /** Ends the waiting: `result` rejects with the signal's reason. The job goes on. */
  readonly signal?: AbortSignal | undefined
  /** The longest time to wait. @default for ever */
  readonly timeout?: Duration | undefined
}

/**
 * Waits until the job has ended, and resolves with what its handler returned; `undefined` where it returned nothing.
 * A retry, a snooze or a dead process is waited for, too.
 *
 * Rejects with KT_JOB_DEAD (`cause` has its last error), KT_JOB_CANCELLED (a `JobCancelledError` with its `reason`),
 * KT_JOB_NOT_FOUND where there is no such job, its transaction has not committed yet, or nothing is kept of it
 * (`retain: false`, expired, deleted), and KT_RESULT_TIMEOUT.
 */
export type JobResult = (id: JobId, options?: ResultOptions) => Promise<Json | undefined>

const KNOWN: ReadonlySet<string> = new Set(['signal', 'timeout'])

export function createJobResult(store: Pick<Store, 'readEnds'>): JobResult {
  const watch = new EndWatch((ids) => explained(store.readEnds(ids)))
  return async (id, options) => {
    const { signal, timeout } = readOptions(options, KNOWN, 'jobs.result')
    const within = timeout === undefined ? Infinity : parsePositiveDuration(timeout, 'timeout')
    const end = await watch.ended(checkJobId(id), { within, signal: readSignal(signal) })
    if (end !== undefined) return resultOf(id, end)
    throw new KongTaskError('KT_RESULT_TIMEOUT', `Job ${id} has not ended within ${within} ms. It goes on.`)
  }
}

function resultOf(id: JobId, end: JobEnd): Json | undefined {
  switch (end.state) {
    case 'completed':
      return end.result
    case 'cancelled':
      throw new JobCancelledError(end.reason)
    case 'dead':
      throw died(id, end)
    case 'gone':
      throw new KongTaskError(
        'KT_JOB_NOT_FOUND',
        `There is no job ${id}. Its transaction may not have committed yet; or it has ended and nothing is kept of it.`,
      )
    default:
      return end satisfies never
  }
}

const WHY_DEAD: Readonly<Record<string, string>> = {
  attempts: 'its attempts are used up',
  crashes: 'its process died with it again and again',
}

function died(id: JobId, { reason, error }: Extract<JobEnd, { state: 'dead' }>): KongTaskError {
  const why = WHY_DEAD[reason] ?? 'it failed for good'
  if (error === undefined) return new KongTaskError('KT_JOB_DEAD', `Job ${id} is dead: ${why}.`)
  return new KongTaskError('KT_JOB_DEAD', `Job ${id} is dead, ${why}. ${error.name}: ${error.message}`, {
    cause: error,
  })
}

function readSignal(value: unknown): AbortSignal | undefined {
  if (value === undefined || value instanceof AbortSignal) return value
  throw new KongTaskError(
    'KT_OPTION_INVALID',
    `jobs.result: \`signal\` must be an AbortSignal, not ${showValue(value)}.`,
  )
}
