import { BrandedError } from './branded-error.ts'
import { parseDuration, type Duration } from './duration.ts'

/** Throw it from a handler when trying again cannot help: the job goes to the dead letters at once. */
export class PermanentError extends BrandedError {
  static override readonly brand: string = 'PermanentError'
}

/** Throw it from a handler to be tried again, `retryIn` from now where you know better than the backoff policy. */
export class RetryableError extends BrandedError {
  static override readonly brand: string = 'RetryableError'
  /** Milliseconds. */
  readonly retryIn: number | undefined

  /** @throws KT_DURATION_INVALID */
  constructor(
    message: string,
    options?: { readonly cause?: unknown; readonly retryIn?: Duration | undefined },
  ) {
    super(message, options)
    this.retryIn = options?.retryIn === undefined ? undefined : parseDuration(options.retryIn, 'retryIn')
  }
}
