import type { JsonObject } from './json.ts'
import type { JobConcurrency, JobRateLimit } from './limits.ts'
import type { JobRetention } from './retention.ts'

/** What a later job does that meets the holder of its unique key. */
export type OnConflict = 'skip' | 'replace' | 'keep_schedule'

/**
 * Options that passed every check, under the names that they have outside and in SQL: durations in milliseconds,
 * times as ISO 8601 in UTC.
 */
export interface NewJobOptions {
  /** Counted from the database's clock. */
  readonly scheduledIn?: number
  readonly scheduledAt?: string
  readonly queue?: string
  readonly priority?: number
  readonly maxAttempts?: number
  readonly timeout?: number
  readonly retain?: JobRetention
  readonly uniqueKey?: string
  readonly uniqueFor?: number
  readonly onConflict?: OnConflict
  readonly serialKey?: string
  readonly concurrency?: JobConcurrency
  readonly rateLimit?: JobRateLimit
  readonly tags?: readonly string[]
  readonly flags?: readonly string[]
  readonly metadata?: JsonObject
  /** Of the payload's shape. */
  readonly version?: number
}

/** Where a job comes from that the handler of another one added. */
export interface Lineage {
  /** That other one. */
  readonly id: string
  /** The first of them all, which nobody's handler added. */
  readonly root: string
}

/** A job that has passed every check at the door: what the store writes. */
export interface NewJob {
  readonly task: string
  /** JSON text. */
  readonly payload: string
  /** What is absent is left to the database: to the task's published defaults, then to the built-in ones. */
  readonly options: NewJobOptions
  /** The task's own defaults are among the options already; what was published about it does not count. */
  readonly contract: boolean
  readonly parent?: Lineage | undefined
  /** Where the payload is sealed: the id of the key that opens it. */
  readonly encryptionKey?: string | undefined
}

/** What became of one added job. */
export interface AddedJob {
  /** Of the job itself; where it was skipped, of the one that has its unique key. */
  readonly id: string
  readonly status: 'added' | 'skipped' | 'replaced'
}
