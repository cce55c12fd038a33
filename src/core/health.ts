import type { QueueInfo } from './queue-info.ts'

/** How the system is, as `kong.health()` finds it. */
export interface Health {
  /** The database answers and has the tables that this version needs. Whether anybody works is `workers`. */
  readonly ok: boolean
  /** The database answers. */
  readonly isReachable: boolean
  readonly isMigrated: boolean
  /** What is wrong, in one sentence; undefined where `ok`. */
  readonly problem: string | undefined
  /** Milliseconds that the database took to answer. */
  readonly latency: number | undefined
  /** Milliseconds by which the database's clock is ahead of this process's; half of the latency may be error. */
  readonly clockOffset: number | undefined
  /** Live processes. */
  readonly workers: number
  readonly queues: readonly Pick<QueueInfo, 'name' | 'pausedAt' | 'oldestReadyAge'>[]
}
