import type { BenchServer } from '../databases.ts'
import type { Contestant } from '../measure.ts'
import type { Scenario } from '../scenario.ts'
import { drainKongTask } from '../systems/kongtask.ts'
import { drainRaw } from '../systems/raw-sql.ts'
import { kongTaskVersion } from '../versions.ts'

export const drain: Scenario = {
  about: 'a preloaded queue of 200,000 no-ops, worked until it is empty: KongTask beside a raw SQL loop',
  metric: { metric: 'jobs_per_s', unit: 'jobs/s' },
  needsPeers: false,
  prepare,
  isYardstickFor: (yardstick) => yardstick.system === 'raw-sql',
  goals: [],
}

async function prepare(server: BenchServer, quick: boolean): Promise<readonly Contestant[]> {
  const jobs = quick ? 20_000 : 200_000
  const raw = await server.createDatabase('drain_raw')
  const ours = await server.createDatabase('drain_kongtask')
  const kongtask = { system: 'kongtask', version: kongTaskVersion }
  return [
    { system: 'raw-sql', version: server.version, config: 'default', run: () => drainRaw(raw, jobs) },
    {
      ...kongtask,
      config: 'default',
      run: () => drainKongTask({ connectionString: ours, jobs, retain: false, runner: {} }),
    },
    {
      ...kongtask,
      config: 'history',
      run: () => drainKongTask({ connectionString: ours, jobs, retain: '24h', runner: {} }),
    },
  ]
}
