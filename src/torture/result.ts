import type { ScenarioName } from './scenario.ts'

/** What a run came to. */
export interface TortureResult {
  readonly seed: number
  /** Nothing was lost, nothing was done twice, no limit exceeded, and nothing else went wrong. */
  readonly ok: boolean
  /** Of the server. */
  readonly postgres: string
  /** Milliseconds that the workers' leases lasted. */
  readonly lease: number
  readonly scenarios: readonly ScenarioResult[]
  readonly leftOut: readonly LeftOut[]
}

export interface LeftOut {
  readonly name: ScenarioName
  readonly why: string
}

/** Milliseconds; null where no job had to be started anew. */
export interface RecoveryTimes {
  readonly p50: number | null
  readonly p99: number | null
  readonly max: number | null
}

export interface ScenarioResult {
  readonly name: ScenarioName
  /** That were added. */
  readonly jobs: number
  /** Were added and never took effect. */
  readonly lost: number
  /** Took effect, or ended, more than once. */
  readonly doubleCommitted: number
  /** Were taken for what their processes died of, and are kept as dead letters: neither lost nor done. */
  readonly buried: number
  /** From an injury to the new start of each job that was held by whom it hurt. */
  readonly recoveryMs: RecoveryTimes
  /** Within which `p99` has to be; null where nothing is promised. Milliseconds. */
  readonly recoveryLimitMs: number | null
  /** Jobs that `recoveryMs` is of. */
  readonly recovered: number
  readonly injuries: number
  /** Jobs per second that took effect; null where there was no time for it. */
  readonly rateBefore: number | null
  readonly rateDuring: number | null
  readonly rateAfter: number | null
  /** Of the limited queue: its limit, the most valid leases seen in so many looks, the most effects under way at once. */
  readonly limit: {
    readonly limit: number
    readonly leases: number
    readonly looks: number
    readonly atOnce: number
  }
  /** What broke a promise or went wrong, a sentence each. */
  readonly errors: readonly string[]
  /** For the report. */
  readonly course: Course
}

/** How a scenario went, in milliseconds from its first job. */
export interface Course {
  /** Jobs that took effect in each quarter of a second. */
  readonly effects: readonly number[]
  readonly injuries: readonly { readonly what: string; readonly at: number }[]
  /** The calm before, the time of the injuries with the recovery from them, the calm behind. */
  readonly before: readonly [from: number, to: number]
  readonly during: readonly [from: number, to: number]
  readonly after: readonly [from: number, to: number]
  /** Each recovery, ascending. */
  readonly recoveries: readonly number[]
}
