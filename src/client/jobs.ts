import { KongTaskError } from '../core/errors.ts'
import type { Job, JobId } from '../core/job.ts'
import { showValue } from '../core/show-value.ts'
import type { Store } from '../store/store.ts'

/** Looking at jobs. */
export interface Jobs {
  /**
   * A job in whatever state, with its payload, errors and result; undefined where there is none (any more).
   *
   * @throws KT_OPTION_INVALID where the id is not one that `addJob` returned
   */
  get(id: JobId): Promise<Job | undefined>
}

export function createJobs(store: Pick<Store, 'readJob'>): Jobs {
  return Object.freeze({ get: async (id: JobId) => store.readJob(checkJobId(id)) })
}

const LARGEST = 9_223_372_036_854_775_807n

export function checkJobId(id: unknown): JobId {
  if (typeof id === 'string' && /^[1-9]\d{0,18}$/.test(id) && BigInt(id) <= LARGEST) return id
  throw new KongTaskError(
    'KT_OPTION_INVALID',
    `A job's id is a string of digits as addJob returned it, not ${showValue(id)}.`,
  )
}
