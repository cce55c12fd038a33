import pg from 'pg'
import { startPostgres } from 'kongtask/embedded'

export interface BenchServer extends AsyncDisposable {
  readonly version: string
  /** What its durability and its checkpoints depend on, as it says itself. */
  readonly settings: Readonly<Record<string, string>>
  /** A new, empty database; its connection string. */
  createDatabase(name: string): Promise<string>
}

const SETTINGS = [
  'fsync',
  'synchronous_commit',
  'full_page_writes',
  'wal_level',
  'shared_buffers',
  'max_wal_size',
  'checkpoint_timeout',
]

/** BENCH_DATABASE_URL or TEST_DATABASE_URL where set (a user that may create databases), else a durable server of our own. */
export async function benchServer(): Promise<BenchServer> {
  const given = process.env['BENCH_DATABASE_URL'] ?? process.env['TEST_DATABASE_URL']
  const own =
    given === undefined
      ? await startPostgres({
          settings: {
            shared_buffers: '1GB',
            max_wal_size: '8GB',
            checkpoint_timeout: '30min',
            // 64 runners of five each.
            max_connections: '400',
          },
        })
      : undefined
  const admin = new pg.Pool({ connectionString: given ?? own?.connectionString, max: 1 })
  const { rows } = await admin.query<{ server_version: string }>('show server_version')
  const { rows: settings } = await admin.query<{ name: string; value: string }>(
    'select name, current_setting(name) as value from unnest($1::text[]) as name',
    [SETTINGS],
  )
  const created: string[] = []
  return {
    version: rows[0]?.server_version ?? 'unknown',
    settings: Object.fromEntries(settings.map(({ name, value }) => [name, value])),
    createDatabase: async (name) => {
      const database = `kongtask_bench_${name}`
      await admin.query(`drop database if exists ${database} with (force)`)
      await admin.query(`create database ${database}`)
      created.push(database)
      const url = new URL(given ?? own?.connectionString ?? '')
      url.pathname = `/${database}`
      return url.href
    },
    [Symbol.asyncDispose]: async () => {
      for (const database of created) await admin.query(`drop database if exists ${database} with (force)`)
      await admin.end()
      await own?.stop()
    },
  }
}
