import { BrandedError } from './branded-error.ts'
import { parseDuration, type Duration } from './duration.ts'
import { KongTaskError } from './errors.ts'
import { parseInstant } from './instant.ts'

/** Throw it from a handler when trying again cannot help: the job goes to the dead letters at once. */
export class PermanentError extends BrandedError {
  static override readonly brand: string = 'PermanentError'
}

/** When to try again, where the handler knows better than the backoff policy. */
export interface RetryableErrorOptions {
  readonly cause?: unknown
  /** So long from when the attempt is recorded, by the database's clock. Not together with `retryAt`. */
  readonly retryIn?: Duration | undefined
  /**
   * At this time: a `Date`, or an ISO 8601 string with an offset (`'2026-09-01T08:00:00Z'`). A time in the past means
   * at once. Not together with `retryIn`.
   */
  readonly retryAt?: Date | string | undefined
}

/**
 * Throw it from a handler to be tried again, `retryIn` from now or `retryAt` a certain time. The attempt counts as
 * failed: at the last one the job is dead all the same.
 */
export class RetryableError extends BrandedError {
  static override readonly brand: string = 'RetryableError'
  /** Milliseconds. */
  readonly retryIn: number | undefined
  /** ISO 8601 in UTC. */
  readonly retryAt: string | undefined

  /** @throws KT_DURATION_INVALID, KT_DATE_INVALID, KT_OPTION_INVALID (both were given) */
  constructor(message: string, options?: RetryableErrorOptions) {
    super(message, options)
    const { retryIn, retryAt } = options ?? {}
    if (retryIn !== undefined && retryAt !== undefined) {
      throw new KongTaskError('KT_OPTION_INVALID', 'RetryableError: give `retryIn` or `retryAt`, not both.')
    }
    this.retryIn = retryIn === undefined ? undefined : parseDuration(retryIn, 'retryIn')
    this.retryAt = retryAt === undefined ? undefined : parseInstant(retryAt, 'retryAt')
  }
}
