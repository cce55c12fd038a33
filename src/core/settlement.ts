import type { Json } from './json.ts'
import type { FailedAttempt, Outcome } from './outcome.ts'

/** What an outcome means for the job: what is written. */
export type Settlement =
  | { readonly kind: 'completed'; readonly result: Json | undefined }
  | Retry
  | { readonly kind: 'dead'; readonly reason: 'attempts' | 'permanent'; readonly error: FailedAttempt }
  | { readonly kind: 'snoozed'; readonly delay: number }
  | { readonly kind: 'cancelled'; readonly reason: string }
  /** Given back as it was, attempt included: the process stops, or never started the job. */
  | { readonly kind: 'released' }
  /** Given back until `delay` milliseconds from now, attempt included: it is for a process with newer code. */
  | { readonly kind: 'deferred'; readonly delay: number }

/** To be tried again: after `delay` milliseconds, or `at` a time (ISO 8601 in UTC) where the handler named one. */
export type Retry = { readonly kind: 'retry'; readonly error: FailedAttempt } & (
  { readonly delay: number; readonly at?: undefined } | { readonly delay?: undefined; readonly at: string }
)

/** What the decision depends on. */
export interface AttemptFacts {
  readonly attempt: number
  readonly maxAttempts: number
}

/**
 * Decides what becomes of a job. Pure, as far as `delayAfter` is: what the task's backoff policy says of what was thrown,
 * in milliseconds, asked only where a retry needs it.
 */
export function decide<Job extends AttemptFacts>(
  outcome: Outcome,
  job: Job,
  delayAfter: (thrown: unknown, job: Job) => number,
): Settlement {
  switch (outcome.kind) {
    case 'completed':
      return { kind: 'completed', result: outcome.result }
    case 'snoozed':
      return { kind: 'snoozed', delay: outcome.delay }
    case 'cancelled':
      return { kind: 'cancelled', reason: outcome.reason }
    case 'deferred':
      return { kind: 'deferred', delay: outcome.delay }
    case 'interrupted':
      return { kind: 'released' }
    case 'failed': {
      const { error, retryIn, retryAt } = outcome
      if (outcome.permanent) return { kind: 'dead', reason: 'permanent', error }
      if (job.attempt >= job.maxAttempts) return { kind: 'dead', reason: 'attempts', error }
      if (retryAt !== undefined) return { kind: 'retry', at: retryAt, error }
      return { kind: 'retry', delay: retryIn ?? delayAfter(outcome.thrown, job), error }
    }
    default:
      return outcome satisfies never
  }
}
