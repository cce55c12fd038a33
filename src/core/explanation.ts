import type { JobError, JobId, JobState } from './job.ts'

/**
 * Why a job is where it is. Final: `completed`, `dead`, `cancelled`, `superseded` (a successor was given its unique
 * key). With a process: `running`, `cancelling` (told to stop), `worker_silent` (the process is gone; the job is given
 * back when its lease is over). Not due: `scheduled`, `retrying`, `snoozed`, `payload_newer` (it is of a
 * newer version of its task than the process that met it knows). Due: `queue_paused`, `task_paused`,
 * `serial_key` (another job has it), `no_worker` (no process lives), `queue_not_served` (none of them serves the queue),
 * `task_not_known` (none of those knows the task), `flag_forbidden` (all of those forbid one of its flags),
 * `limited` (a limit over all processes is reached), `slots_busy` (all of those are busy), `in_line` (nothing is in the
 * way but the jobs before it). And `not_found`.
 */
export type Cause =
  | 'completed'
  | 'dead'
  | 'cancelled'
  | 'superseded'
  | 'running'
  | 'cancelling'
  | 'worker_silent'
  | 'scheduled'
  | 'retrying'
  | 'snoozed'
  | 'payload_newer'
  | 'queue_paused'
  | 'task_paused'
  | 'serial_key'
  | 'no_worker'
  | 'queue_not_served'
  | 'task_not_known'
  | 'flag_forbidden'
  | 'limited'
  | 'slots_busy'
  | 'in_line'
  | 'not_found'

/** Why a job is not running, or what became of it. */
export interface Explanation {
  /** Undefined where there is no such job (any more). */
  readonly state: JobState | undefined
  readonly cause: Cause
  /** The cause in one English sentence. For people: its words may change. */
  readonly sentence: string
  readonly data: ExplanationData
}

/** What the cause was found from. Facts that do not apply are undefined. */
export interface ExplanationData {
  readonly id: JobId
  readonly task?: string | undefined
  readonly queue?: string | undefined
  readonly attempt?: number | undefined
  readonly maxAttempts?: number | undefined
  readonly priority?: number | undefined
  readonly scheduledAt?: Date | undefined
  readonly finishedAt?: Date | undefined
  /** Why it is dead (`attempts` or `permanent`), was cancelled, or will be where it would run again. */
  readonly reason?: string | undefined
  /** The latest attempt that failed. */
  readonly lastError?: JobError | undefined
  readonly snoozes?: number | undefined
  /** Of its payload's shape. */
  readonly version?: number | undefined
  /** How often processes put it off, lately, because it takes newer code than theirs. */
  readonly deferrals?: number | undefined
  readonly flags?: readonly string[] | undefined
  readonly queuePausedAt?: Date | undefined
  readonly taskPausedAt?: Date | undefined
  readonly serialKey?: string | undefined
  /** The job that has its serial key, and why that one is not finished. */
  readonly behind?: Explanation | undefined
  /** The process that has it. */
  readonly runsOn?: RunsOn | undefined
  /** Who could run it. Known of ready jobs. */
  readonly workers?: AbleWorkers | undefined
  /** The limit that keeps it from starting, where there is one. */
  readonly limit?: ReachedLimit | undefined
  /**
   * Ready jobs of its queue that come before it, counted up to 10,000; where it waits for a limit of its own, those that
   * wait for the same.
   */
  readonly ahead?: number | undefined
}

/** A limit over all processes that is reached: so many run, or have started in the period. */
export interface ReachedLimit {
  readonly of: 'task' | 'key' | 'queue'
  /** Of the task or the queue; or the key itself. */
  readonly name: string
  /** Jobs at once; of a rate, starts per period. */
  readonly limit: number
  /** The period of a rate, in milliseconds. */
  readonly per: number | undefined
  /** When a rate lets the next job start, where that is known. */
  readonly opensAt: Date | undefined
}

/** The process that has a job. */
export interface RunsOn {
  readonly worker: number
  /** Undefined, as the next ones, where nothing is known of the process any more. */
  readonly host: string | undefined
  readonly pid: number | undefined
  /** When it claimed the job. */
  readonly since: Date | undefined
  readonly heartbeatAt: Date | undefined
  readonly leaseEndsAt: Date | undefined
  readonly isSilent: boolean
}

/** How many processes could run a job: each number is a part of the one before. */
export interface AbleWorkers {
  /** That live and do not drain. */
  readonly live: number
  readonly serveQueue: number
  readonly knowTask: number
  /** That forbid none of its flags. */
  readonly allowFlags: number
  /** What these could run at once. */
  readonly slots: number
  readonly freeSlots: number
  /** Some of the jobs that they have, ten at the most. */
  readonly busyWith: readonly JobId[]
}
