import type { Contestant, Measured } from '../frame/measure.ts'
import type { PrepareOptions, Scenario } from '../frame/scenario.ts'
import { kongTaskVersion } from '../frame/versions.ts'
import { measureAddingCost, measureWorkingCost, type CostSystem } from '../loads/cost.ts'
import type { BenchServer } from '../servers/databases.ts'
import { ServerCounts } from '../servers/server-counts.ts'
import { kongTaskCost } from '../systems/kongtask-cost.ts'
import { measureIdle, measureTrickle } from '../systems/kongtask-idle.ts'
import { measureMemory } from '../systems/kongtask-memory.ts'
import { rawSqlCost } from '../systems/raw-sql-cost.ts'

export const cost: Scenario = {
  about: `what a job costs, as the server and the processes count it: adding 1,000 in a call (add), claiming, running and
             settling (work, work-history), one job at a time (trickle), none (idle-listen, idle-polling: without LISTEN),
             10,000 that run at once (memory)`,
  units: {
    wal_bytes_per_job: 'bytes',
    vacuum_wal_bytes_per_job: 'bytes',
    transactions_per_job: 'transactions',
    dead_rows_per_job: 'row versions',
    node_cpu_ms_per_job: 'ms',
    postgres_cpu_ms_per_job: 'ms',
    idle_queries_per_minute: 'queries',
    heap_bytes_per_job: 'bytes',
  },
  peers: 'never',
  prepare,
  isYardstickFor: (yardstick, row) =>
    yardstick.system === 'raw-sql' && yardstick.config === row.config && yardstick.median > 0,
  goals: [
    {
      name: 'WAL of claiming and settling a job of 100 bytes',
      of: { system: 'kongtask', config: 'work', metric: 'wal_bytes_per_job' },
      most: 450,
    },
    {
      name: 'transactions per job when a queue is drained',
      of: { system: 'kongtask', config: 'work', metric: 'transactions_per_job' },
      most: 0.02,
    },
    {
      // Two of its own, and a claim that finds nothing more.
      name: 'transactions per job at a trickle, a dry claim among them',
      of: { system: 'kongtask', config: 'trickle', metric: 'transactions_per_job' },
      most: 3,
    },
    {
      name: 'queries per minute of a process that has nothing to do',
      of: { system: 'kongtask', config: 'idle-listen', metric: 'idle_queries_per_minute' },
      most: 60,
    },
    {
      name: 'the same without LISTEN',
      of: { system: 'kongtask', config: 'idle-polling', metric: 'idle_queries_per_minute' },
      most: 120,
    },
  ],
}

async function prepare(server: BenchServer, { quick }: PrepareOptions): Promise<readonly Contestant[]> {
  const jobs = quick ? 10_000 : 100_000
  const watch = await server.createDatabase('cost_watch')
  const raw = await server.createDatabase('cost_raw')
  const ours = await server.createDatabase('cost_kongtask')

  const counted =
    (database: string, measure: (counts: ServerCounts) => Promise<Measured>) =>
    async (): Promise<Measured> => {
      await using counts = new ServerCounts(watch, database)
      return await measure(counts)
    }
  const idle = (config: string, listens: boolean): Contestant => ({
    system: 'kongtask',
    version: kongTaskVersion,
    config,
    run: () => measureIdle({ connectionString: ours, listens, seconds: quick ? 20 : 60 }),
  })
  const rawSql = (config: string, measure: typeof measureAddingCost): Contestant => ({
    system: 'raw-sql',
    version: server.version,
    config,
    run: counted(raw, (counts) => measure(rawSqlCost(raw), counts, jobs)),
  })
  const kongTask = (config: string, measure: typeof measureAddingCost, system: CostSystem): Contestant => ({
    system: 'kongtask',
    version: kongTaskVersion,
    config,
    run: counted(ours, (counts) => measure(system, counts, jobs)),
  })

  return [
    rawSql('add', measureAddingCost),
    kongTask('add', measureAddingCost, kongTaskCost(ours, false)),
    rawSql('work', measureWorkingCost),
    kongTask('work', measureWorkingCost, kongTaskCost(ours, false)),
    kongTask('work-history', measureWorkingCost, kongTaskCost(ours, '24h')),
    {
      system: 'kongtask',
      version: kongTaskVersion,
      config: 'trickle',
      run: counted(ours, (counts) => measureTrickle(ours, counts, quick ? 25 : 150)),
    },
    idle('idle-listen', true),
    idle('idle-polling', false),
    {
      system: 'kongtask',
      version: kongTaskVersion,
      config: 'memory',
      run: () => measureMemory(ours, 10_000),
    },
  ]
}
