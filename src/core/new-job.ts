import type { JsonObject } from './json.ts'

/**
 * A job that has passed every check at the door: what the store writes. What is absent is left to the task's
 * published defaults and then to the built-in ones, which the database applies.
 */
export interface NewJob {
  readonly task: string
  /** JSON text. */
  readonly payload: string
  readonly queue?: string
  readonly priority?: number
  readonly maxAttempts?: number
  /** Milliseconds, counted from the database's clock. */
  readonly delay?: number
  /** ISO 8601 in UTC. */
  readonly dueAt?: string
  /** Milliseconds. */
  readonly timeout?: number
  /** Milliseconds to keep the finished job; `false` keeps nothing. */
  readonly retain?: number | false
  readonly tags?: readonly string[]
  readonly metadata?: JsonObject
}

/** What became of one added job. */
export interface AddedJob {
  readonly id: string
  readonly status: 'added' | 'skipped' | 'replaced'
}
