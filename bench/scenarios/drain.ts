import type { Contestant } from '../frame/measure.ts'
import type { PrepareOptions, Scenario } from '../frame/scenario.ts'
import { kongTaskVersion } from '../frame/versions.ts'
import type { DrainLoad } from '../loads/drain-load.ts'
import type { Configuration } from '../loads/job-system.ts'
import { ownProcesses, PEERS, type PeerName } from '../processes/contestants.ts'
import type { BenchServer } from '../servers/databases.ts'
import { drainKongTask } from '../systems/kongtask.ts'
import { drainRaw } from '../systems/raw-sql.ts'

/** What KongTask's tuned configuration changes. */
const TUNED = { concurrency: 100 }

/**
 * Jobs of the peers, whose rates are compared and not their times: as many as they do within some ten seconds. pg-boss
 * takes one job every two seconds unless it is told otherwise.
 */
const PEER_JOBS: Readonly<Record<PeerName, Readonly<Record<Configuration, DrainLoad>>>> = {
  'graphile-worker': { default: { jobs: 10_000, warmUp: 1_000 }, tuned: { jobs: 200_000, warmUp: 20_000 } },
  'pg-boss': { default: { jobs: 10, warmUp: 1 }, tuned: { jobs: 100_000, warmUp: 10_000 } },
  'bullmq-redis': { default: { jobs: 20_000, warmUp: 2_000 }, tuned: { jobs: 50_000, warmUp: 5_000 } },
  'bullmq-postgres': { default: { jobs: 5_000, warmUp: 500 }, tuned: { jobs: 20_000, warmUp: 2_000 } },
}

export const drain: Scenario = {
  about: `a preloaded queue of 200,000 no-ops, worked until it is empty: KongTask beside a raw SQL loop; with --peers
             beside graphile-worker, pg-boss and BullMQ (on Redis, on PostgreSQL), by default and tuned`,
  units: { jobs_per_s: 'jobs/s' },
  peers: 'asked',
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
    {
      name: 'by default, at least 4 × the best of the peers, tuned or not',
      of: { system: 'kongtask', config: 'default' },
      to: { bestOf: PEERS },
      least: 4,
    },
  ],
}

async function prepare(
  server: BenchServer,
  { quick, peers }: PrepareOptions,
): Promise<readonly Contestant[]> {
  const jobs = quick ? 20_000 : 200_000
  const raw = await server.createDatabase('drain_raw')
  const ours = await server.createDatabase('drain_kongtask')
  const kongtask = (config: string, retain: string | false, runner = {}): Contestant => ({
    system: 'kongtask',
    version: kongTaskVersion,
    config,
    run: async () => ({
      jobs_per_s: await drainKongTask({ connectionString: ours, jobs, retain, runner }),
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
    kongtask('tuned', false, TUNED),
    kongtask('history', '24h'),
    ...(peers ? await others(server, quick) : []),
  ]
}

function others(server: BenchServer, quick: boolean): Promise<Contestant[]> {
  const share = quick ? 5 : 1
  const configurations = ['default', 'tuned'] as const
  return ownProcesses(
    server,
    'drain',
    PEERS.flatMap((system) =>
      configurations.map((configuration) => {
        const { jobs, warmUp } = PEER_JOBS[system][configuration]
        const load = { kind: 'drain', jobs: jobs / share, warmUp: Math.ceil(warmUp / share) } as const
        return { system, configuration, load }
      }),
    ),
  )
}
