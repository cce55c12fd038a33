import type { Contestant } from '../frame/measure.ts'
import type { PrepareOptions, Scenario } from '../frame/scenario.ts'
import type { MixedLoad } from '../loads/mixed-load.ts'
import { ownProcesses, PEERS } from '../processes/contestants.ts'
import type { SystemName } from '../processes/work-order.ts'
import type { BenchServer } from '../servers/databases.ts'

/** Slow handlers at once. */
const SLOW_CONCURRENCY = 10
const SLOW_MS = 1_000
/** Enough for ten handlers at once over three minutes. */
const SLOW_JOBS = 2_000

/** As many as each does within some seconds. */
const FAST_JOBS: Readonly<Partial<Record<SystemName, number>>> = {
  'bullmq-redis': 50_000,
  'bullmq-postgres': 10_000,
}
const USUAL_FAST_JOBS = 100_000

export const mixed: Scenario = {
  about: `a queue of no-ops, alone and beside one of handlers that take a second, ten at once: how fast the fast one is
             worked; with --peers of the others, too, tuned`,
  units: { jobs_per_s: 'jobs/s' },
  peers: 'asked',
  prepare,
  isYardstickFor: (yardstick, row) =>
    yardstick.system === row.system && yardstick.config === 'alone' && row.config !== 'alone',
  goals: [
    {
      name: 'beside a slow queue, at least 0.9 of the rate alone',
      of: { system: 'kongtask', config: 'beside-slow' },
      to: { system: 'kongtask', config: 'alone' },
      least: 0.9,
    },
  ],
}

function prepare(server: BenchServer, { quick, peers }: PrepareOptions): Promise<readonly Contestant[]> {
  const systems = ['kongtask', ...(peers ? PEERS : [])] as const
  const loadOf = (system: SystemName, isBesideSlow: boolean): MixedLoad & { readonly kind: 'mixed' } => {
    const jobs = (FAST_JOBS[system] ?? USUAL_FAST_JOBS) / (quick ? 5 : 1)
    return {
      kind: 'mixed',
      jobs,
      warmUp: jobs / 10,
      isBesideSlow,
      slowJobs: SLOW_JOBS,
      slowMs: SLOW_MS,
      slowConcurrency: SLOW_CONCURRENCY,
    }
  }
  return ownProcesses(
    server,
    'mixed',
    systems.flatMap((system) =>
      ([false, true] as const).map((isBesideSlow) => ({
        system,
        config: isBesideSlow ? 'beside-slow' : 'alone',
        configuration: system === 'kongtask' ? 'default' : 'tuned',
        load: loadOf(system, isBesideSlow),
      })),
    ),
  )
}
