import { parseDuration, type Duration } from './duration.ts'

// Registered symbols, so that another copy of the package may have made the value.
const SNOOZE: unique symbol = Symbol.for('kongtask.snooze')
const CANCEL: unique symbol = Symbol.for('kongtask.cancel')

/** What `snooze` returned. */
export interface Snooze {
  readonly [SNOOZE]: true
  /** Milliseconds. */
  readonly delay: number
}

/** What `cancel` returned. */
export interface Cancel {
  readonly [CANCEL]: true
  readonly reason: string
}

/**
 * Return it from a handler to be run again after `delay`, as if this attempt had not been.
 *
 * @throws KT_DURATION_INVALID
 */
export function snooze(delay: Duration): Snooze {
  return Object.freeze({ [SNOOZE]: true as const, delay: parseDuration(delay, 'snooze') })
}

/** Return it from a handler when the job has lost its point: it ends as cancelled, and is not tried again. */
export function cancel(reason: string): Cancel {
  return Object.freeze({ [CANCEL]: true as const, reason })
}

export function isSnooze(value: unknown): value is Snooze {
  return typeof value === 'object' && value !== null && SNOOZE in value
}

export function isCancel(value: unknown): value is Cancel {
  return typeof value === 'object' && value !== null && CANCEL in value
}
