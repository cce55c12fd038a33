import { KongTaskError } from '../core/errors.ts'
import { checkJobId } from '../core/job-id.ts'
import type { JobLog } from '../core/job-log.ts'
import type { JobId } from '../core/job.ts'
import { checkInteger } from '../core/option-values.ts'
import { readOptions } from '../core/plain-object.ts'
import { showValue } from '../core/show-value.ts'
import type { Store } from '../store/store.ts'
import { explained } from './explained.ts'

/** Which lines of a job. */
export interface JobLogOptions {
  /** Of one attempt only, 1-based. @default all */
  readonly attempt?: number | undefined
  /** The `id` of a line: those behind it. @default from the first */
  readonly after?: string | undefined
  /** 1 to 1000. @default 100 */
  readonly limit?: number | undefined
}

/**
 * What a job's handlers logged, in order: of warn and above, unless the runner says otherwise (`storeLogs`), and for as
 * long as it says (`keepLogs`). While a job runs, lines appear here within two seconds.
 *
 * @throws KT_OPTION_INVALID, KT_OPTION_UNKNOWN
 */
export type JobLogs = (id: JobId, options?: JobLogOptions) => Promise<readonly JobLog[]>

const KNOWN: ReadonlySet<string> = new Set(['attempt', 'after', 'limit'])
const LARGEST = 9_223_372_036_854_775_807n

export function createJobLogs(store: Pick<Store, 'readLogs'>): JobLogs {
  return async (id, options = {}) => {
    const { attempt, after, limit = 100 } = readOptions(options, KNOWN, 'jobs.logs')
    const lines = store.readLogs(checkJobId(id), {
      attempt: attempt === undefined ? undefined : checkInteger(attempt, 'attempt', 1, 32_767),
      after: after === undefined ? undefined : checkAfter(after),
      limit: checkInteger(limit, 'limit', 1, 1_000),
    })
    return explained(lines)
  }
}

function checkAfter(value: unknown): string {
  if (typeof value === 'string' && /^\d{1,19}$/.test(value) && BigInt(value) <= LARGEST) return value
  throw new KongTaskError(
    'KT_OPTION_INVALID',
    `jobs.logs: \`after\` must be the id of a line, not ${showValue(value)}.`,
  )
}
