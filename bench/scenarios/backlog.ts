import type { Contestant } from '../frame/measure.ts'
import type { PrepareOptions, Scenario } from '../frame/scenario.ts'
import { kongTaskVersion } from '../frame/versions.ts'
import { measureClaims, type Backlog, type BacklogQueue } from '../loads/backlog.ts'
import type { BenchServer } from '../servers/databases.ts'
import { kongTaskBacklog } from '../systems/kongtask-backlog.ts'
import { rawSqlBacklog } from '../systems/raw-sql-backlog.ts'

const goal = (config: string, most: number): Scenario['goals'][number] => ({
  name: `${config}: a claim takes at most ${most} × what it takes at 10k`,
  of: { system: 'kongtask', config },
  to: { system: 'kongtask', config: '10k' },
  most,
})

export const backlog: Scenario = {
  about: `what a claim of 100 costs with 10,000, a million, ten million jobs ready (10k, 1m, 10m), with ten million in
             random order of due time and priority (10m-random), and with 10,000 beside ten million that are due
             tomorrow and then go first (10k-beside-10m-future): KongTask beside a raw SQL claim; takes 30 GB of disk`,
  units: { claim_ms: 'ms' },
  peers: 'never',
  prepare,
  isYardstickFor: (yardstick, row) =>
    row.system === 'raw-sql'
      ? yardstick.system === 'raw-sql' && yardstick.config === '10k'
      : yardstick.system === 'kongtask' && yardstick.config === '10k',
  goals: [goal('10m', 1.2), goal('10m-random', 2.5), goal('10k-beside-10m-future', 1.2)],
}

async function prepare(server: BenchServer, { quick }: PrepareOptions): Promise<readonly Contestant[]> {
  const share = quick ? 10 : 1
  const few = 10_000
  const many = 1_000_000 / share
  const deep = 10_000_000 / share
  const backlogs: Readonly<Record<string, Backlog>> = {
    '10k': { fills: [{ jobs: few, due: 'in-order' }], refill: 'now' },
    '1m': { fills: [{ jobs: many, due: 'in-order' }], refill: 'now' },
    '10m': { fills: [{ jobs: deep, due: 'in-order' }], refill: 'now' },
    '10m-random': { fills: [{ jobs: deep, due: 'at-random' }], refill: 'at-random' },
    '10k-beside-10m-future': {
      fills: [
        { jobs: deep, due: 'tomorrow' },
        { jobs: few, due: 'in-order' },
      ],
      refill: 'now',
    },
  }
  const contestant = (
    system: string,
    version: string,
    open: (connectionString: string) => Promise<BacklogQueue>,
    [config, wanted]: [string, Backlog],
  ): Contestant => {
    let filled: Promise<string> | undefined
    return {
      system,
      version,
      config,
      // Filled once for all rounds: each takes a few jobs and puts as many there.
      run: async () => {
        filled ??= fillOne(server, `backlog_${system}_${config}`.replaceAll('-', '_'), open, wanted)
        const queue = await open(await filled)
        try {
          return await measureClaims(queue, wanted)
        } finally {
          await queue.close()
        }
      },
    }
  }
  return Object.entries(backlogs).flatMap((entry) => [
    contestant('kongtask', kongTaskVersion, kongTaskBacklog, entry),
    contestant('raw-sql', server.version, rawSqlBacklog, entry),
  ])
}

async function fillOne(
  server: BenchServer,
  database: string,
  open: (connectionString: string) => Promise<BacklogQueue>,
  { fills }: Backlog,
): Promise<string> {
  const connectionString = await server.createDatabase(database)
  const queue = await open(connectionString)
  try {
    for (const fill of fills) await queue.put(fill)
  } finally {
    await queue.close()
  }
  return connectionString
}
