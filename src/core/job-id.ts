import { KongTaskError } from './errors.ts'
import type { JobId } from './job.ts'
import { showValue } from './show-value.ts'

const LARGEST = 9_223_372_036_854_775_807n

/** @throws KT_OPTION_INVALID where it is not one that `addJob` could have returned */
export function checkJobId(id: unknown): JobId {
  if (typeof id === 'string' && /^[1-9]\d{0,18}$/.test(id) && BigInt(id) <= LARGEST) return id
  throw new KongTaskError(
    'KT_OPTION_INVALID',
    `A job's id is a string of digits as addJob returned it, not ${showValue(id)}.`,
  )
}
