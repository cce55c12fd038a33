import type { Contestant } from '../frame/measure.ts'
import type { PrepareOptions, Scenario } from '../frame/scenario.ts'
import { kongTaskVersion, versionIn } from '../frame/versions.ts'
import { measureHeld, type HeldSystem, type Hold } from '../processes/held-xmin.ts'
import type { BenchServer } from '../servers/databases.ts'
import { graphileWorkerHeld } from '../systems/graphile-worker-held-xmin.ts'
import { kongTaskHeld } from '../systems/kongtask-held-xmin.ts'
import { rawSqlHeld } from '../systems/raw-sql-held-xmin.ts'

const TENTHS = Array.from({ length: 10 }, (_, index) => `tenth_${index + 1}`)
const HOLDS = { free: 'nothing', held: 'snapshot', 'held-xid': 'xid' } as const satisfies Record<string, Hold>

export const heldXmin: Scenario = {
  about: `a million jobs through a short queue on two processes, one in twenty retried, one in a hundred committed
             late, while nothing (free), a snapshot (held), a snapshot with a transaction's number (held-xid) keeps
             vacuum off: KongTask beside a raw SQL loop, which collapses; --peers: graphile-worker 0.18.0, fewer jobs`,
  units: {
    jobs_per_s: 'jobs/s',
    last_over_first: '×',
    straggler_p99_ms: 'ms',
    ...Object.fromEntries(TENTHS.map((tenth) => [tenth, 'jobs/s'])),
  },
  peers: 'asked',
  prepare,
  isYardstickFor: (yardstick, row) =>
    yardstick.system === 'kongtask' && yardstick.config === 'free' && row.config !== 'free',
  goals: ['held', 'held-xid'].flatMap((config) => [
    {
      name: `${config}: the last fifth at least 0.9 × the second and third tenth`,
      of: { system: 'kongtask', config, metric: 'last_over_first' },
      least: 0.9,
    },
    {
      name: `${config}: late commits start within a second (p99)`,
      of: { system: 'kongtask', config, metric: 'straggler_p99_ms' },
      most: 1_000,
    },
  ]),
}

async function prepare(server: BenchServer, options: PrepareOptions): Promise<readonly Contestant[]> {
  const share = options.quick ? 10 : 1
  const ours = await server.createDatabase('held_kongtask')
  const raw = await server.createDatabase('held_raw')
  const contestant =
    (name: string, version: string, system: HeldSystem, connectionString: string, jobs: number) =>
    (config: keyof typeof HOLDS): Contestant => ({
      system: name,
      version,
      config,
      run: () => measureHeld(system, { connectionString, jobs: jobs / share, hold: HOLDS[config] }),
    })
  const kongTask = contestant('kongtask', kongTaskVersion, kongTaskHeld, ours, 1_000_000)
  // Both come to a standstill, so they get fewer.
  const rawSql = contestant('raw-sql', server.version, rawSqlHeld, raw, 300_000)
  return [
    kongTask('free'),
    kongTask('held'),
    kongTask('held-xid'),
    rawSql('free'),
    rawSql('held'),
    ...(options.peers ? await peers() : []),
  ]

  async function peers(): Promise<Contestant[]> {
    const theirs = await server.createDatabase('held_graphile')
    const peer = versionIn('node_modules/graphile-worker/package.json')
    const graphile = contestant('graphile-worker', peer, graphileWorkerHeld, theirs, 50_000)
    return [graphile('free'), graphile('held')]
  }
}
