import type { JobId } from './job.ts'

/** Dead letters of one task that died of the same trouble. */
export interface DeadLetterGroup {
  readonly task: string
  /** The message without what differs from case to case: `user <n> not found`. Usable as the filter's `error`. */
  readonly error: string
  readonly count: number
  readonly firstAt: Date
  readonly lastAt: Date
  /** The newest one's id. */
  readonly example: JobId
  /** The newest one's message as it was. */
  readonly message: string
}
