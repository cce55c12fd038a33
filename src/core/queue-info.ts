import type { JsonObject } from './json.ts'
import type { QueueRate } from './limits.ts'

/** A queue as `kong.queues.list()` shows it. */
export interface QueueInfo {
  readonly name: string
  /** Since when none of its jobs is started; undefined where it is not paused. */
  readonly pausedAt: Date | undefined
  /** How many of its jobs may run at once over all processes; undefined where that is not limited. */
  readonly concurrency: number | undefined
  /** How many of its jobs may start in a period over all processes; undefined where that is not limited. */
  readonly rateLimit: QueueRate | undefined
  /** Jobs that are due later, counted up to the limit: that number means so many or more, as in the next two. */
  readonly scheduled: number
  /** Jobs that are due and not running: also those that are paused, or wait for their serial key or a limit. */
  readonly ready: number
  /** Jobs that processes have, in a handler or about to be. */
  readonly running: number
  /** Milliseconds for which the oldest ready job has been due; undefined where none is ready. */
  readonly oldestReadyAge: number | undefined
}

/** A task as `kong.tasks.list()` shows it. */
export interface TaskInfo {
  readonly name: string
  /** Since when none of its jobs is started; undefined where it is not paused. */
  readonly pausedAt: Date | undefined
  /** How many live processes know it. */
  readonly workers: number
  /** What its contract says about its jobs, as the latest runner published it; empty where there is no contract. */
  readonly defaults: JsonObject
}
