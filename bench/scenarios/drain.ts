import type { BenchServer } from '../databases.ts'
import type { Contestant } from '../measure.ts'
import type { PrepareOptions, Scenario } from '../scenario.ts'
import { drainKongTask } from '../systems/kongtask.ts'
import { drainRaw } from '../systems/raw-sql.ts'
import { kongTaskVersion } from '../versions.ts'

export const drain: Scenario = {
  about: 'a preloaded queue of 200,000 no-ops, worked until it is empty: KongTask beside a raw SQL loop',
  units: { jobs_per_s: 'jobs/s' },
  peers: 'never',
  prepare,
  isYardstickFor: (yardstick) => yardstick.system === 'raw-sql',
  goals: [
    {
      name: 'at least 0.75 of the raw loop',
      of: { system: 'kongtask', config: 'default' },
      to: { system: 'raw-sql', config: 'default' },
      least: 0.75,
    },
    {
      name: 'with history, at least 0.6 of without',
      of: { system: 'kongtask', config: 'history' },
      to: { system: 'kongtask', config: 'default' },
      least: 0.6,
    },
  ],
}

async function prepare(server: BenchServer, { quick }: PrepareOptions): Promise<readonly Contestant[]> {
  const jobs = quick ? 20_000 : 200_000
  const raw = await server.createDatabase('drain_raw')
  const ours = await server.createDatabase('drain_kongtask')
  const kongtask = (config: string, retain: string | false): Contestant => ({
    system: 'kongtask',
    version: kongTaskVersion,
    config,
    run: async () => ({
      jobs_per_s: await drainKongTask({ connectionString: ours, jobs, retain, runner: {} }),
    }),
  })
  return [
    {
      system: 'raw-sql',
      version: server.version,
      config: 'default',
      run: async () => ({ jobs_per_s: await drainRaw(raw, jobs) }),
    },
    kongtask('default', false),
    kongtask('history', '24h'),
  ]
}
