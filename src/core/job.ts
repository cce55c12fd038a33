import type { Json, JsonObject } from './json.ts'
import type { JobConcurrency, JobRateLimit } from './limits.ts'
import type { JobSchedule } from './schedule-info.ts'

/** A job's id: opaque, unique for the life of the database, kept through retries and into history. */
export type JobId = string

/**
 * `scheduled`: not yet due, also while it waits for a retry. `ready`: due. `running`: a worker has it.
 * `completed`, `dead` and `cancelled` are final.
 */
export type JobState = 'scheduled' | 'ready' | 'running' | 'completed' | 'dead' | 'cancelled'

/** What is kept of one failed attempt. */
export interface JobError {
  /** 1-based. */
  readonly attempt: number
  readonly at: Date
  readonly name: string
  readonly message: string
  /** The error's own code, where it has one. */
  readonly code?: string | undefined
  readonly stack?: string | undefined
  /** The errors behind it, outermost first, each with the same fields. */
  readonly cause?: ErrorCause | undefined
}

/** An error that caused another. */
export type ErrorCause = Pick<JobError, 'name' | 'message' | 'code' | 'stack' | 'cause'>

/** How far a job is. */
export interface JobProgress {
  readonly done: number
  readonly total: number
  /** For people. */
  readonly note: string | undefined
  readonly at: Date
}

/** One row: a task to perform once, with its history. */
export interface Job<Payload = unknown> {
  readonly id: JobId
  readonly task: string
  readonly queue: string
  readonly payload: Payload
  readonly state: JobState
  /** The number of the current or latest attempt; 0 before the first. */
  readonly attempt: number
  readonly maxAttempts: number
  /** 0 to 15; lower runs first. */
  readonly priority: number
  readonly scheduledAt: Date
  readonly createdAt: Date
  readonly finishedAt: Date | undefined
  readonly tags: readonly string[]
  readonly metadata: JsonObject
  /** The key that it was unique by; `sha256:…` where `uniqueFor` made it of the payload. */
  readonly uniqueKey: string | undefined
  readonly serialKey: string | undefined
  /** How many jobs like it may run at once over all processes; undefined where nothing was said. */
  readonly concurrency: JobConcurrency | undefined
  /** How many jobs like it may start in a period over all processes; undefined where nothing was said. */
  readonly rateLimit: JobRateLimit | undefined
  readonly flags: readonly string[]
  /** The job whose handler added this one. */
  readonly parentId: JobId | undefined
  /** What all jobs have in common of which one led to the other: the id of the first; of a job that has no parent its own. */
  readonly rootId: JobId
  /** The schedule that added it, and for which of its ticks; undefined for all other jobs. */
  readonly schedule: JobSchedule | undefined
  /** How often its handler asked to be run again later. */
  readonly snoozes: number
  /** The version of the payload's shape under which it was added. */
  readonly version: number
  /** The id of the key with which the payload is encrypted at rest; undefined where it is not. */
  readonly encryptionKey: string | undefined
  /** True: whoever reads this has not that key, and `payload` says only which it is: `{ 'kongtask:sealed': '2026-11' }`. */
  readonly isSealed: boolean
  readonly errors: readonly JobError[]
  readonly result: Json | undefined
  /** The last that its handler said of how far it is, in this attempt or one before; a second late at the most. */
  readonly progress: JobProgress | undefined
}
