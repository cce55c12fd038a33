import type { Contestant } from '../frame/measure.ts'
import type { PrepareOptions, Scenario } from '../frame/scenario.ts'
import { ownProcesses, PEERS } from '../processes/contestants.ts'
import type { BenchServer } from '../servers/databases.ts'

/** Offered per second; the row's config is such a name. */
const RATES: Readonly<Record<string, number>> = { '1k': 1_000, '5k': 5_000, '10k': 10_000, '20k': 20_000 }

const CONCURRENCY = 100
const HANDLER_MS = 1

export const steady: Scenario = {
  about: `jobs of 1 ms that come in at 1k, 5k, 10k and 20k a second, 100 at once: how many are done per second, beside
             the same handlers fed from a list in memory; with --peers beside the others, tuned`,
  units: { jobs_per_s: 'jobs/s' },
  peers: 'asked',
  prepare,
  isYardstickFor: (yardstick, row) => yardstick.system === 'in-memory' && yardstick.config === row.config,
  goals: Object.keys(RATES).map((config) => ({
    name: `${config}: at least 0.9 of a list in memory`,
    of: { system: 'kongtask', config },
    to: { system: 'in-memory', config },
    least: 0.9,
  })),
}

function prepare(server: BenchServer, { quick, peers }: PrepareOptions): Promise<readonly Contestant[]> {
  const systems = ['in-memory', 'kongtask', ...(peers ? PEERS : [])] as const
  const load = {
    kind: 'steady',
    concurrency: CONCURRENCY,
    handlerMs: HANDLER_MS,
    warmUpSeconds: quick ? 1 : 2,
    seconds: quick ? 1 : 5,
  } as const
  return ownProcesses(
    server,
    'steady',
    Object.entries(RATES).flatMap(([config, rate]) =>
      systems.map((system) => ({
        system,
        config,
        configuration: system === 'kongtask' || system === 'in-memory' ? 'default' : 'tuned',
        load: { ...load, rate },
      })),
    ),
  )
}
