import type { CatchUp } from './catch-up.ts'
import type { AddedJob } from './new-job.ts'
import type { JsonObject } from './json.ts'

/** A schedule as the database has it. */
export interface ScheduleInfo {
  readonly name: string
  /** `code` and `crontab`: an application declares it when it starts; `user`: it was made at run time. */
  readonly source: 'code' | 'crontab' | 'user'
  /** The application that declares it. */
  readonly application: string | undefined
  readonly expression: string
  readonly tz: string
  readonly catchUp: CatchUp
  /** Milliseconds. */
  readonly within: number
  readonly task: string
  /** As it is stored: an encrypted one stays so. */
  readonly payload: unknown
  /** Options of its jobs, durations in milliseconds. */
  readonly options: JsonObject
  readonly pausedAt: Date | undefined
  /** Undefined while it is paused. */
  readonly nextTick: Date | undefined
  /** The latest that fired. */
  readonly lastTick: Date | undefined
  readonly createdAt: Date
  readonly changedAt: Date
}

/** A tick that fired. */
export interface ScheduleTick {
  readonly tick: Date
  readonly firedAt: Date
  readonly isCaughtUp: boolean
  /** The job that it added, or met under its unique key. */
  readonly jobId: string
  readonly status: AddedJob['status']
}

/** What somebody did with a schedule. */
export interface ScheduleChange {
  readonly id: string
  readonly schedule: string
  readonly at: Date
  /** As they called themselves, else their database role. */
  readonly by: string
  readonly verb: 'created' | 'changed' | 'paused' | 'resumed' | 'ran' | 'deleted'
  readonly before: JsonObject | undefined
  readonly after: JsonObject | undefined
}

/** Of which schedule a job comes. */
export interface JobSchedule {
  readonly name: string
  /** The time for which it was planned; of `runNow`, when that was called. */
  readonly tick: Date
  /** Nobody could fire it in time, and it came more than a minute late. */
  readonly isCaughtUp: boolean
}
