// A primary and a synchronous standby, on loopback: what was acknowledged is on both.
import { execFile } from 'node:child_process'
import { appendFile, chmod, chown, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { startPostgres, type EmbeddedPostgres } from '../../src/embedded/embedded.ts'
import { withClient } from './run-databases.ts'
import { eventually } from './wait.ts'

export interface Replicated extends AsyncDisposable {
  readonly primary: EmbeddedPostgres
  /** Read only, until it is promoted. */
  readonly standby: EmbeddedPostgres
  /** As a crash of its machine would: nobody is told, nothing more is written. */
  killPrimary(): Promise<void>
  promoteStandby(): Promise<void>
}

/** @param prepare what both begin with */
export async function startReplicated(
  prepare: (connectionString: string) => Promise<void>,
): Promise<Replicated> {
  const folder = await mkdtemp(join(tmpdir(), 'kt-'))
  await chmod(folder, 0o755)
  const [one, two] = [join(folder, 'one'), join(folder, 'two')]
  {
    await using first = await startPostgres({ dataDir: one, durable: false })
    await prepare(first.connectionString)
  }
  // Of a server that has stopped, a copy of its folder is a base backup.
  await promisify(execFile)('cp', ['-a', one, two])

  const primary = await startPostgres({
    dataDir: one,
    durable: false,
    settings: { synchronous_commit: 'on', synchronous_standby_names: '*', wal_keep_size: '256MB' },
  })
  await makeStandby(join(two, 'data'), primary)
  const standby = await startPostgres({ dataDir: two, durable: false })
  await withClient(primary.connectionString, (client) =>
    eventually(
      async () => {
        const { rowCount } = await client.query(
          `select from pg_stat_replication where state = 'streaming' and sync_state = 'sync'`,
        )
        if (rowCount !== 1) throw new Error('the standby does not follow the primary')
      },
      { within: 20_000 },
    ),
  )
  return {
    primary,
    standby,
    killPrimary: async () => {
      const [pid] = (await readFile(join(one, 'data', 'postmaster.pid'), 'utf8')).split('\n')
      process.kill(Number(pid), 'SIGQUIT')
      await primary.stop()
    },
    promoteStandby: () =>
      withClient(standby.connectionString, async (client) => {
        await client.query('select pg_promote()')
      }),
    [Symbol.asyncDispose]: async () => {
      await Promise.all([primary.stop(), standby.stop()])
      await rm(folder, { recursive: true })
    },
  }
}

async function makeStandby(data: string, { connectionString }: EmbeddedPostgres): Promise<void> {
  const { hostname, port, username, password } = new URL(connectionString)
  const conninfo = `host=${hostname} port=${port} user=${username} password=${password}`
  await appendFile(join(data, 'postgresql.auto.conf'), `primary_conninfo = '${conninfo}'\n`)
  const signal = join(data, 'standby.signal')
  await writeFile(signal, '')
  const { uid, gid } = await stat(data)
  await chown(signal, uid, gid)
}
