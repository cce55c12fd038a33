import type { Contestant } from '../frame/measure.ts'
import type { PrepareOptions, Scenario } from '../frame/scenario.ts'
import { kongTaskVersion, versionIn } from '../frame/versions.ts'
import { concurrently, inBulk, measureAdding, oneAtATime, type Adder, type Load } from '../loads/adding.ts'
import type { BenchServer } from '../servers/databases.ts'
import { graphileWorkerAdder } from '../systems/graphile-worker-adding.ts'
import { kongTaskAdder } from '../systems/kongtask-adding.ts'
import { rawSqlAdder } from '../systems/raw-sql-adding.ts'

/** Calls at once. */
const CONCURRENT = 1_000
/** Connections of the peer's pool where it is tuned: what its own documentation of pooling leads to. */
const TUNED_POOL = 40

export const enqueue: Scenario = {
  about: `adding: one at a time (single), 1,000 calls at once (concurrent), 10,000 and 100,000 in a call
             (bulk, bulk-100k): KongTask beside raw inserts into its own table and graphile-worker 0.18.0`,
  units: { adds_per_s: 'jobs/s' },
  peers: 'always',
  prepare,
  isYardstickFor: (yardstick, row) => {
    const config = row.config.replace(/ .*$/, '')
    return (
      yardstick.config === config &&
      yardstick.system === (config === 'concurrent' ? 'graphile-worker' : 'raw-sql')
    )
  },
  goals: [
    {
      name: "concurrent: at least 20 × graphile-worker's default",
      of: { system: 'kongtask', config: 'concurrent' },
      to: { system: 'graphile-worker', config: 'concurrent' },
      least: 20,
    },
    {
      name: 'bulk: at least 0.8 × a raw insert from unnest',
      of: { system: 'kongtask', config: 'bulk' },
      to: { system: 'raw-sql', config: 'bulk' },
      least: 0.8,
    },
    {
      name: 'single: at most 30 % slower than a raw insert',
      of: { system: 'kongtask', config: 'single' },
      to: { system: 'raw-sql', config: 'single' },
      least: 1 / 1.3,
    },
  ],
}

async function prepare(server: BenchServer, { quick }: PrepareOptions): Promise<readonly Contestant[]> {
  const raw = await server.createDatabase('enqueue_raw')
  const ours = await server.createDatabase('enqueue_kongtask')
  const theirs = await server.createDatabase('enqueue_graphile')
  const share = quick ? 10 : 1
  const single = oneAtATime(5_000 / share)
  const bulk = inBulk(200_000 / share, 10_000)

  const contestant =
    (system: string, version: string, open: () => Promise<Adder>) =>
    (config: string, load: Load): Contestant => ({
      system,
      version,
      config,
      run: async () => ({ adds_per_s: await measureAdding(open, load) }),
    })
  const rawSql = contestant('raw-sql', server.version, () => rawSqlAdder(raw, false))
  const rawPrepared = contestant('raw-sql', server.version, () => rawSqlAdder(raw, true))
  const kongTask = contestant('kongtask', kongTaskVersion, () => kongTaskAdder(ours))
  const peer = versionIn('node_modules/graphile-worker/package.json')
  const graphile = contestant('graphile-worker', peer, () => graphileWorkerAdder(theirs))
  const tuned = contestant('graphile-worker', peer, () => graphileWorkerAdder(theirs, TUNED_POOL))

  return [
    rawSql('single', single),
    rawPrepared('single prepared', single),
    kongTask('single', single),
    graphile('single', single),
    kongTask('concurrent', concurrently(100_000 / share, CONCURRENT)),
    graphile('concurrent', concurrently(20_000 / share, CONCURRENT)),
    tuned('concurrent tuned', concurrently(20_000 / share, CONCURRENT)),
    rawSql('bulk', bulk),
    rawPrepared('bulk prepared', bulk),
    kongTask('bulk', bulk),
    graphile('bulk', inBulk(100_000 / share, 10_000)),
    rawSql('bulk-100k', inBulk(200_000, 100_000)),
    kongTask('bulk-100k', inBulk(200_000, 100_000)),
  ]
}
