import type { Duration } from './duration.ts'

/** Whose limit it is. Neither: the task's. Both are refused. */
export type LimitScope =
  | {
      /** All jobs of the queue with this key, 1 to 512 bytes, whatever their task. */
      readonly key?: string | undefined
      readonly by?: undefined
    }
  | {
      /**
       * Where in the payload the key stands: `'tenantId'`, `'customer.id'`. Text counts as it is, anything else as its
       * JSON text; jobs that have nothing there have the key `null` and share it.
       */
      readonly by?: string | undefined
      readonly key?: undefined
    }

/**
 * How many jobs of a queue may run at once over all processes, 1 to 100,000: a number of this task;
 * `{ limit: 5, key: 'crm' }` of all jobs with this key; `{ limit: 5, by: 'tenantId' }` of those with the same value in
 * their payload.
 */
export type Concurrency = number | ({ readonly limit: number } & LimitScope)

/**
 * How many jobs may start in a period. The allowance grows evenly, so at most `limit + burst` start in any period. From
 * 40 a second on, `burst` is at least what 50 ms bring.
 */
export interface Rate {
  /** Starts per period, 1 to 1,000,000. */
  readonly limit: number
  /** The period, 1 ms to 100 years. */
  readonly per: Duration
  /** How many may start at once after a quiet time, 1 to 1,000,000. @default 1 */
  readonly burst?: number | undefined
}

/**
 * How many jobs of a queue may start in a period over all processes: `{ limit: 100, per: '1m' }` of this task; with `key`
 * or `by` of those with this key, or with the same value in their payload.
 */
export type RateLimit = Rate & LimitScope

/** `Concurrency` as a job has it. */
export interface JobConcurrency {
  readonly limit: number
  readonly key?: string
  readonly by?: string
}

/** `RateLimit` as a job has it: `per` in milliseconds. */
export interface JobRateLimit extends JobConcurrency {
  readonly per: number
  readonly burst?: number
}

/** `Rate` as a queue has it: `per` in milliseconds. */
export interface QueueRate {
  readonly limit: number
  readonly per: number
  readonly burst: number
}
