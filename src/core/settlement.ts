import { delayAfter, type BackoffPolicy } from './retry-policy.ts'
import type { Json } from './json.ts'
import type { FailedAttempt, Outcome } from './outcome.ts'

/** What an outcome means for the job: what is written. */
export type Settlement =
  | { readonly kind: 'completed'; readonly result: Json | undefined }
  | { readonly kind: 'retry'; readonly delay: number; readonly error: FailedAttempt }
  | { readonly kind: 'dead'; readonly reason: 'attempts' | 'permanent'; readonly error: FailedAttempt }
  | { readonly kind: 'snoozed'; readonly delay: number }
  | { readonly kind: 'cancelled'; readonly reason: string }
  /** Given back as it was, attempt included: the process stops, or never started the job. */
  | { readonly kind: 'released' }

/** What the decision depends on. */
export interface SettlementFacts {
  readonly attempt: number
  readonly maxAttempts: number
  readonly backoff: BackoffPolicy | undefined
}

/** Decides what becomes of a job. Pure but for the jitter that a backoff policy adds. */
export function decide(outcome: Outcome, facts: SettlementFacts): Settlement {
  switch (outcome.kind) {
    case 'completed':
      return { kind: 'completed', result: outcome.result }
    case 'snoozed':
      return { kind: 'snoozed', delay: outcome.delay }
    case 'cancelled':
      return { kind: 'cancelled', reason: outcome.reason }
    case 'interrupted':
      return { kind: 'released' }
    case 'failed':
      return afterFailure(outcome, facts)
    default:
      return outcome satisfies never
  }
}

function afterFailure(outcome: Extract<Outcome, { kind: 'failed' }>, facts: SettlementFacts): Settlement {
  const { error } = outcome
  if (outcome.permanent) return { kind: 'dead', reason: 'permanent', error }
  if (facts.attempt >= facts.maxAttempts) return { kind: 'dead', reason: 'attempts', error }
  const delay = outcome.retryIn ?? delayAfter(facts.attempt, facts.backoff)
  return { kind: 'retry', delay, error }
}
