import type { Crew } from './crew.ts'
import type { Dice } from './dice.ts'
import type { Feeder } from './feeder.ts'
import type { Ground } from './ground.ts'
import type { Injuries, Injury } from './injuries.ts'
import type { Restart } from './target.ts'
import type { Worker } from './worker.ts'

/** What a scenario has to work with while the jobs flow. */
export interface Stage {
  readonly dice: Dice
  readonly crew: Crew
  readonly feeder: Feeder
  readonly ground: Ground
  readonly injuries: Injuries
  /** Milliseconds. */
  readonly lease: number
  /** Missing where the server is not ours. */
  readonly restart: ((how: Restart) => Promise<void>) | undefined
  /** Aborts when it is time to let everybody recover. */
  readonly over: AbortSignal
  /** Aborts when the run is given up. */
  readonly signal: AbortSignal
  /** So many milliseconds, or until it is over. */
  rest(ms: number): Promise<void>
  /** Until nobody is registered any more for the jobs that the hurt process held. */
  untilTakenOver(injury: Injury): Promise<void>
  /** A worker that may be hurt now; undefined while too few others work. */
  victim(dice?: Dice): Worker | undefined
  /** A promise was broken, or something went wrong that should not. */
  complain(what: string): void
}

export type ScenarioName =
  'kill' | 'suspend' | 'restart' | 'backends' | 'half-open' | 'pool' | 'snapshot' | 'deploy' | 'all'

/** What a promise of recovery depends on. */
export interface RecoveryPromise {
  /** Milliseconds. */
  readonly lease: number
  /** Others see by a session of its when a process dies. Not so behind a pooler, where only its silence tells. */
  readonly isSeen: boolean
}

/** One way to torment a system that works. */
export interface Scenario {
  readonly name: ScenarioName
  /** What is done, in a line for people. */
  readonly summary: string
  /**
   * What it cannot do without: `server`, a server that is ours to restart; `proxy`, a database that a proxy on loopback can
   * stand in front of.
   */
  readonly needs?: 'server' | 'proxy'
  /** Where proxies can be had, each worker gets one. */
  readonly isProxied?: boolean
  /** Kills, suspends or cuts off processes that have jobs: a few of these may be taken for the cause, and buried. */
  readonly takesProcesses?: boolean
  /** Milliseconds in which 99 of 100 jobs that were torn away have to be started anew. @default none is promised */
  readonly longestRecovery?: (promise: RecoveryPromise) => number
  /** Hurts until it is over, and leaves nobody hurt on purpose. */
  readonly injure: (stage: Stage) => Promise<void>
}
