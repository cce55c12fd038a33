import { parsePositiveDuration } from './duration.ts'
import { KongTaskError } from './errors.ts'
import type { JobConcurrency, JobRateLimit, QueueRate } from './limits.ts'
import { checkInteger, checkKey, invalid } from './option-values.ts'
import { isPlainObject, readOptions, type PlainObject } from './plain-object.ts'

const CONCURRENCY_MEMBERS: ReadonlySet<string> = new Set(['limit', 'key', 'by'])
const RATE_MEMBERS: ReadonlySet<string> = new Set(['limit', 'per', 'burst', 'key', 'by'])
const QUEUE_RATE_MEMBERS: ReadonlySet<string> = new Set(['limit', 'per', 'burst'])
const MOST_AT_ONCE = 100_000
const MOST_STARTS = 1_000_000

/** @throws KT_OPTION_INVALID, KT_OPTION_UNKNOWN */
export function checkConcurrency(value: unknown): JobConcurrency {
  if (typeof value === 'number') return Object.freeze({ limit: checkQueueConcurrency(value) })
  if (!isPlainObject(value)) {
    throw invalid('concurrency', value, 'must be a whole number, or an object with `limit`')
  }
  const given = readOptions(value, CONCURRENCY_MEMBERS, '`concurrency`')
  const limit = checkInteger(given['limit'], 'concurrency.limit', 1, MOST_AT_ONCE)
  return Object.freeze({ limit, ...checkScope(given, 'concurrency') })
}

/** @throws KT_OPTION_INVALID, KT_OPTION_UNKNOWN, KT_DURATION_INVALID */
export function checkRateLimit(value: unknown): JobRateLimit {
  const given = readRate(value, RATE_MEMBERS)
  return Object.freeze({ ...checkRate(given), ...checkScope(given, 'rateLimit') })
}

/** @throws KT_OPTION_INVALID */
export function checkQueueConcurrency(value: unknown): number {
  return checkInteger(value, 'concurrency', 1, MOST_AT_ONCE)
}

/** @throws KT_OPTION_INVALID, KT_OPTION_UNKNOWN, KT_DURATION_INVALID */
export function checkQueueRate(value: unknown): QueueRate {
  const { limit, per, burst = 1 } = checkRate(readRate(value, QUEUE_RATE_MEMBERS))
  return { limit, per, burst }
}

function readRate(value: unknown, members: ReadonlySet<string>): PlainObject {
  if (!isPlainObject(value)) throw invalid('rateLimit', value, 'must be an object with `limit` and `per`')
  return readOptions(value, members, '`rateLimit`')
}

function checkRate({ limit, per, burst }: PlainObject): Omit<JobRateLimit, 'key' | 'by'> {
  const rate = {
    limit: checkInteger(limit, 'rateLimit.limit', 1, MOST_STARTS),
    per: parsePositiveDuration(per, 'rateLimit.per'),
  }
  if (burst === undefined) return rate
  return { ...rate, burst: checkInteger(burst, 'rateLimit.burst', 1, MOST_STARTS) }
}

function checkScope({ key, by }: PlainObject, option: string): Omit<JobConcurrency, 'limit'> {
  const scope = {
    ...(key === undefined ? {} : { key: checkKey(key, `${option}.key`) }),
    ...(by === undefined ? {} : { by: checkPath(by, `${option}.by`) }),
  }
  if (key === undefined || by === undefined) return scope
  throw new KongTaskError('KT_OPTION_INVALID', `\`${option}\`: give \`key\` or \`by\`, not both.`)
}

function checkPath(value: unknown, option: string): string {
  const path = checkKey(value, option)
  if (!path.split('.').includes('')) return path
  throw invalid(option, value, "must be a path like 'customer.id', with a name between the dots")
}
