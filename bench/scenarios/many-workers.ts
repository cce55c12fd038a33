import type { Contestant } from '../frame/measure.ts'
import type { PrepareOptions, Scenario } from '../frame/scenario.ts'
import { kongTaskVersion } from '../frame/versions.ts'
import { measureFleet, type FleetSystem } from '../processes/many-workers.ts'
import type { BenchServer } from '../servers/databases.ts'
import { ServerCounts } from '../servers/server-counts.ts'
import { kongTaskFleet } from '../systems/kongtask-many-workers.ts'
import { rawSqlFleet } from '../systems/raw-sql-many-workers.ts'

const COUNTS = [1, 2, 4, 8, 16, 32, 64] as const
const UP_TO_16 = ['2', '4', '8', '16']

export const manyWorkers: Scenario = {
  about: `a preloaded queue of 500,000 no-ops, worked by 1 to 64 runners in up to four processes: KongTask beside as many
             connections with a raw SQL loop`,
  units: { jobs_per_s: 'jobs/s', transactions_per_job: 'transactions' },
  peers: 'never',
  prepare,
  isYardstickFor: (yardstick, row) => yardstick.system === 'raw-sql' && yardstick.config === row.config,
  goals: [
    ...UP_TO_16.map((config) => ({
      name: `${config} workers: at least 0.9 of the best`,
      of: { system: 'kongtask', config, metric: 'jobs_per_s' },
      to: { bestOf: ['kongtask'], metric: 'jobs_per_s' },
      least: 0.9,
    })),
    {
      name: '64 workers: at least 0.7 of the best',
      of: { system: 'kongtask', config: '64', metric: 'jobs_per_s' },
      to: { bestOf: ['kongtask'], metric: 'jobs_per_s' },
      least: 0.7,
    },
  ],
}

async function prepare(server: BenchServer, { quick }: PrepareOptions): Promise<readonly Contestant[]> {
  // Less would be over before many workers have found their pace.
  const jobs = quick ? 100_000 : 500_000
  const watch = await server.createDatabase('many_workers_watch')
  const raw = await server.createDatabase('many_workers_raw')
  const ours = await server.createDatabase('many_workers_kongtask')

  const contestant =
    (system: string, version: string, connectionString: string, open: (at: string) => FleetSystem) =>
    (workers: number): Contestant => ({
      system,
      version,
      config: `${workers}`,
      run: async () => {
        await using counts = new ServerCounts(watch, connectionString)
        const options = { connectionString, workers, jobs }
        return await measureFleet(open(connectionString), counts, options)
      },
    })
  const rawSql = contestant('raw-sql', server.version, raw, rawSqlFleet)
  const kongTask = contestant('kongtask', kongTaskVersion, ours, kongTaskFleet)
  return COUNTS.flatMap((workers) => [rawSql(workers), kongTask(workers)])
}
