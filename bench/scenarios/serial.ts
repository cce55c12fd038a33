import type { Contestant } from '../frame/measure.ts'
import type { PrepareOptions, Scenario } from '../frame/scenario.ts'
import { kongTaskVersion, versionIn } from '../frame/versions.ts'
import { AT_ONCE, measureLines, type LineCheck, type Lines, type LineWorker } from '../loads/lines.ts'
import type { BenchServer } from '../servers/databases.ts'
import { graphileWorkerLines } from '../systems/graphile-worker-lines.ts'
import { kongTaskLines } from '../systems/kongtask-lines.ts'
import { rawSqlLines } from '../systems/raw-sql-lines.ts'

export const serial: Scenario = {
  about: `one at a time and in order per key, handlers of 5 ms: 20 and 200 jobs of one key, 20 keys with 20 jobs each,
             from when they are there until the last is done: KongTask (serialKey), a raw SQL loop, graphile-worker
             0.18.0 (queueName)`,
  units: { total_ms: 'ms' },
  peers: 'always',
  prepare,
  isYardstickFor: (yardstick, row) =>
    yardstick.system === 'raw-sql' && yardstick.config === row.config.replace(/ .*$/, ''),
  goals: ['20x1', '200x1', '20x20'].map((config) => ({
    name: `${config}: at most 1.5 × a raw loop`,
    of: { system: 'kongtask', config },
    to: { system: 'raw-sql', config },
    most: 1.5,
  })),
}

async function prepare(server: BenchServer, { quick }: PrepareOptions): Promise<readonly Contestant[]> {
  const raw = await server.createDatabase('serial_raw')
  const ours = await server.createDatabase('serial_kongtask')
  const theirs = await server.createDatabase('serial_graphile')

  const contestant =
    (system: string, version: string, open: (check: LineCheck) => Promise<LineWorker>) =>
    (config: string, lines: Lines): Contestant => ({
      system,
      version,
      config,
      run: async () => ({ total_ms: await measureLines(open, lines) }),
    })
  const rawSql = contestant('raw-sql', server.version, (check) => rawSqlLines(raw, check))
  const kongTask = contestant('kongtask', kongTaskVersion, (check) => kongTaskLines(ours, check))
  const peer = versionIn('node_modules/graphile-worker/package.json')
  const graphile = contestant('graphile-worker', peer, (check) => graphileWorkerLines(theirs, check))
  const graphileAtOnce = contestant('graphile-worker', peer, (check) =>
    graphileWorkerLines(theirs, check, AT_ONCE),
  )

  // The peer takes more than a second for each job of a key, so it is left out where they are 200.
  const few = { keys: 1, jobs: 20 }
  const many = { keys: 1, jobs: quick ? 50 : 200 }
  const lines = { keys: 20, jobs: 20 }
  return [
    rawSql('20x1', few),
    kongTask('20x1', few),
    graphile('20x1', few),
    graphileAtOnce(`20x1 concurrency ${AT_ONCE}`, few),
    rawSql('200x1', many),
    kongTask('200x1', many),
    rawSql('20x20', lines),
    kongTask('20x20', lines),
    graphile('20x20', lines),
    graphileAtOnce(`20x20 concurrency ${AT_ONCE}`, lines),
  ]
}
