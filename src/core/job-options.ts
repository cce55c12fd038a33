import { parseDuration, parsePositiveDuration, type Duration } from './duration.ts'
import { parseInstant } from './instant.ts'
import { KongTaskError } from './errors.ts'
import { checkConcurrency, checkRateLimit } from './limit-values.ts'
import type { Concurrency, RateLimit } from './limits.ts'
import { checkQueueName } from './names.ts'
import type { NewJobOptions, OnConflict } from './new-job.ts'
import {
  checkFlags,
  checkKey,
  checkMaxAttempts,
  checkMetadata,
  checkOnConflict,
  checkPriority,
  checkTags,
} from './option-values.ts'
import { checkVersion } from './payload-version.ts'
import { readOptions } from './plain-object.ts'
import { checkRetention } from './retention-values.ts'
import type { Retention } from './retention.ts'

/** What may be said about one job when it is added. Each option may be left out or `undefined`. */
export interface JobOptions {
  /** Run it this long from now, by the database's clock. Not together with `scheduledAt`. */
  readonly scheduledIn?: Duration | undefined
  /**
   * Run it at this time: a `Date`, or an ISO 8601 string with an offset (`'2026-09-01T08:00:00Z'`). A time in
   * the past means now. Not together with `scheduledIn`.
   */
  readonly scheduledAt?: Date | string | undefined
  /** The queue that it waits in. @default the task's, else `default` */
  readonly queue?: string | undefined
  /** How often it may be attempted, 1 to 32767; then it is dead. @default the task's, else 25 */
  readonly maxAttempts?: number | undefined
  /** 0 to 15; lower runs first. @default the task's, else 1 */
  readonly priority?: number | undefined
  /** Up to 32 labels of 1 to 100 characters, to find jobs by. */
  readonly tags?: readonly string[] | undefined
  /** How long an attempt may take before it is aborted and counts as failed. @default the task's, else none */
  readonly timeout?: Duration | undefined
  /**
   * How long to keep the job once completed or cancelled; `false`: not at all. Or, each for itself, also once it is dead,
   * and what it logged: `{ finished: '1h', dead: '30d', logs: '7d' }`; what is left out is as the task says.
   * @default the task's, else 24 h, dead until it is redriven or purged, logs as the runner's `keepLogs`
   */
  readonly retain?: Duration | false | Retention | undefined
  /** Your own facts about the job, a plain object of up to 16 KiB as JSON. */
  readonly metadata?: object | undefined
  /**
   * Of the jobs of this task with the same key, 1 to 512 bytes, one at a time is scheduled, ready or running; and
   * none but the first while the window of `uniqueFor` lasts, if there is one.
   */
  readonly uniqueKey?: string | undefined
  /** How long after the first job another with its key is refused. Without `uniqueKey` the payload is the key. */
  readonly uniqueFor?: Duration | undefined
  /**
   * What to do where another job has the key. `skip`: nothing; `replace`: that one gets this payload, this schedule
   * and these options; `keep_schedule`: all but the schedule. A running job is left alone, and this one is added
   * behind it. A window whose job is done skips. @default `skip`
   */
  readonly onConflict?: OnConflict | undefined
  /**
   * Jobs of one queue with the same key, 1 to 512 bytes, run one at a time, in order of adding whatever their
   * priority. One that is scheduled or waits for a retry holds up those behind it.
   */
  readonly serialKey?: string | undefined
  /**
   * How many jobs of its queue may run at once over all processes: of its task (a number), with a key (`{ limit, key }`),
   * or with the same value in their payload (`{ limit, by: 'tenantId' }`). What is too many waits.
   */
  readonly concurrency?: Concurrency | undefined
  /**
   * How many jobs of its queue may start in a period over all processes: `{ limit: 100, per: '1m', burst: 10 }` of its
   * task; with `key` or `by` as in `concurrency`.
   */
  readonly rateLimit?: RateLimit | undefined
  /** Up to 32 marks of 1 to 100 characters; a runner leaves jobs alone that bear one of its `forbiddenFlags`. */
  readonly flags?: readonly string[] | undefined
  /**
   * The version of the payload's shape, where the job is added by name; with a contract, which has one, no other may be
   * given. @default 1
   */
  readonly version?: number | undefined
}

type Check = (value: unknown) => NewJobOptions

/** How each option is checked, wherever it is given. */
export const OPTION_CHECKS: { readonly [Option in keyof Required<JobOptions>]: Check } = {
  scheduledIn: (value) => ({ scheduledIn: parseDuration(value, 'scheduledIn') }),
  scheduledAt: (value) => ({ scheduledAt: parseInstant(value, 'scheduledAt') }),
  queue: (value) => ({ queue: checkQueueName(value) }),
  maxAttempts: (value) => ({ maxAttempts: checkMaxAttempts(value) }),
  priority: (value) => ({ priority: checkPriority(value) }),
  tags: (value) => ({ tags: checkTags(value) }),
  timeout: (value) => ({ timeout: parsePositiveDuration(value, 'timeout') }),
  retain: (value) => ({ retain: checkRetention(value) }),
  metadata: (value) => ({ metadata: checkMetadata(value) }),
  uniqueKey: (value) => ({ uniqueKey: checkKey(value, 'uniqueKey') }),
  uniqueFor: (value) => ({ uniqueFor: parsePositiveDuration(value, 'uniqueFor') }),
  onConflict: (value) => ({ onConflict: checkOnConflict(value) }),
  serialKey: (value) => ({ serialKey: checkKey(value, 'serialKey') }),
  concurrency: (value) => ({ concurrency: checkConcurrency(value) }),
  rateLimit: (value) => ({ rateLimit: checkRateLimit(value) }),
  flags: (value) => ({ flags: checkFlags(value) }),
  version: (value) => ({ version: checkVersion(value) }),
}

const checks: ReadonlyMap<string, Check> = new Map(Object.entries(OPTION_CHECKS))
const NOTHING: NewJobOptions = Object.freeze({})

/**
 * The options of one job, checked and parsed.
 *
 * @throws KT_OPTION_UNKNOWN, KT_OPTION_INVALID, KT_DURATION_INVALID, KT_DATE_INVALID, KT_NAME_INVALID
 */
export function checkJobOptions(value: unknown): NewJobOptions {
  if (value === undefined) return NOTHING
  const options = readOptions(value, checks, 'job options')
  const checked: NewJobOptions = {}
  for (const [option, given] of Object.entries(options)) {
    if (given !== undefined) Object.assign(checked, checks.get(option)?.(given))
  }
  if (checked.scheduledIn !== undefined && checked.scheduledAt !== undefined) {
    throw new KongTaskError('KT_OPTION_INVALID', 'Give `scheduledIn` or `scheduledAt`, not both.')
  }
  return checked
}
