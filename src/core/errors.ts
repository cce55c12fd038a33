import { BrandedError } from './branded-error.ts'
import type { ErrorCode } from './error-catalogue.ts'

/**
 * Every error that KongTask raises about its own use or its database. `code` is stable and explained in
 * docs/errors.md; the message says what happened and what to do.
 */
export class KongTaskError extends BrandedError {
  static override readonly brand: string = 'KongTaskError'
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}

/** `signal.reason` when the task's `timeout` has passed. The attempt counts as failed. */
export class JobTimeoutError extends KongTaskError {
  static override readonly brand: string = 'JobTimeoutError'
}

/** `signal.reason` when somebody cancelled the job. Unless the handler completes all the same, it ends as cancelled. */
export class JobCancelledError extends KongTaskError {
  static override readonly brand: string = 'JobCancelledError'
  /** What was said when it was cancelled. */
  readonly reason: string

  constructor(reason: string) {
    super('KT_JOB_CANCELLED', `The job was cancelled: ${reason}`)
    this.reason = reason
  }
}

/** `signal.reason` when this process no longer owns the job: another may already run it. */
export class LeaseLostError extends KongTaskError {
  static override readonly brand: string = 'LeaseLostError'
}

/** `signal.reason` when the runner stops and its grace period is over. The job is given back, no attempt is lost. */
export class ShutdownError extends KongTaskError {
  static override readonly brand: string = 'ShutdownError'
}
