import type { Json } from './json.ts'
import type { JobError } from './job.ts'

/** How an execution ended, as a value. What it means for the job is decided in settlement.ts. */
export type Outcome =
  | { readonly kind: 'completed'; readonly result: Json | undefined }
  | {
      readonly kind: 'failed'
      readonly error: FailedAttempt
      readonly permanent: boolean
      /** Milliseconds from now, where the handler asked for a certain delay. */
      readonly retryIn: number | undefined
      /** ISO 8601 in UTC, where the handler asked for a certain time. Not together with `retryIn`. */
      readonly retryAt: string | undefined
      /** What was thrown, for backoff policies: it is not kept. */
      readonly thrown: unknown
    }
  | { readonly kind: 'snoozed'; readonly delay: number }
  | { readonly kind: 'cancelled'; readonly reason: string }
  | { readonly kind: 'interrupted' }
  /** Not run: it takes newer code than this process has. */
  | { readonly kind: 'deferred'; readonly delay: number }

/** What is kept of a failure; the attempt's number and time are added when it is settled. */
export type FailedAttempt = Omit<JobError, 'attempt' | 'at'>
