// Puts together what a scenario came to, when it is over: the auditor's findings, the recoveries, the rates.
import { audit, type Ask } from './audit.ts'
import type { GroundNames } from './ground.ts'
import type { Injury } from './injuries.ts'
import { LIMIT, LIMITED } from './load.ts'
import { effectsOverTime, rateWithin, recoveries, type Span } from './measure.ts'
import { percentile } from './percentile.ts'
import type { ScenarioResult } from './result.ts'
import type { ScenarioName } from './scenario.ts'

export interface Phases {
  readonly before: Span
  /** From the first injury until everybody was back at work. */
  readonly during: Span
  readonly after: Span
}

export interface Case {
  readonly name: ScenarioName
  readonly number: number
  readonly names: GroundNames
  readonly phases: Phases
  readonly watch: { readonly looks: number; readonly most: number; readonly violations: readonly string[] }
  readonly injuries: readonly Injury[]
  /** Milliseconds in which 99 of 100 recoveries have to be over; null where nothing is promised. */
  readonly longestRecovery: number | null
  /** Whether processes were taken away from their jobs. */
  readonly mayBury: boolean
}

export async function judge(
  ask: Ask,
  { name, number, names, phases, watch, injuries, longestRecovery, mayBury }: Case,
): Promise<ScenarioResult> {
  const { before, during, after } = phases
  const found = await audit(ask, { names, scenario: number, limitedQueue: LIMITED, limit: LIMIT, mayBury })
  const times = await recoveries(ask, names, number)
  const rate = async (within: Span): Promise<number | null> =>
    rounded(await rateWithin(ask, names, number, within), 1)
  const since = (at: Date): number => at.getTime() - before.from.getTime()
  const bounds = ({ from, to }: Span): readonly [number, number] => [since(from), since(to)]
  return {
    name,
    jobs: found.jobs,
    lost: found.lost.length,
    doubleCommitted: found.doubled.length,
    buried: found.buried.length,
    recoveryMs: {
      p50: rounded(percentile(times, 0.5)),
      p99: rounded(percentile(times, 0.99)),
      max: rounded(percentile(times, 1)),
    },
    recoveryLimitMs: longestRecovery,
    recovered: times.length,
    injuries: injuries.length,
    rateBefore: await rate(before),
    rateDuring: await rate(during),
    rateAfter: await rate(after),
    limit: { limit: LIMIT, leases: watch.most, looks: watch.looks, atOnce: found.mostAtOnce },
    errors: [...watch.violations, ...found.findings, ...tooLate(percentile(times, 0.99), longestRecovery)],
    course: {
      effects: await effectsOverTime(ask, names, number, before.from),
      injuries: injuries.map(({ what, at }) => ({ what, at: since(at) })),
      before: bounds(before),
      during: bounds(during),
      after: bounds(after),
      recoveries: times,
    },
  }
}

function tooLate(p99: number | null, longest: number | null): string[] {
  if (p99 === null || longest === null || p99 <= longest) return []
  return [`Recovery took ${(p99 / 1_000).toFixed(1)} s (p99), at most ${longest / 1_000} s are promised.`]
}

function rounded(value: number | null, digits = 0): number | null {
  return value === null ? null : Number(value.toFixed(digits))
}
