import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { Pool, type Client } from 'pg'
import { inject } from 'vitest'
import { hasPooler, throughPooler } from './pooled.ts'
import { connectionStringFor, withClient } from './run-databases.ts'
import { migratedTemplate } from './template.ts'
import { eventually } from './wait.ts'

export interface TestDatabase extends AsyncDisposable {
  /** Through the pooler, where the run has one. */
  readonly connectionString: string
  /** To the server itself. */
  readonly directConnectionString: string
  readonly name: string
  /** Up to 10 connections, for the test's own statements. Ended by `drop()`. */
  readonly pool: Pool
  /**
   * Drops the database. Fails when somebody is still connected to it 2 s later, be it a pool that the code under test
   * has left open, or a client of `pool` that the test has not given back.
   */
  drop(): Promise<void>
}

export interface TestDatabaseOptions {
  /** Whether KongTask's schema is there already. @default true */
  readonly migrated?: boolean
}

/** A database of the test's own, on the server of this run. */
export async function createTestDatabase({
  migrated = true,
}: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const admin = inject('adminConnectionString')
  const name = `${inject('databasePrefix')}_${randomBytes(6).toString('hex')}`
  const template = migrated ? await migratedTemplate() : 'template1'
  await withClient(admin, (client) => client.query(`create database ${name} template ${template}`))

  const directConnectionString = connectionStringFor(name, admin)
  const connectionString = throughPooler(directConnectionString)
  const pool = new Pool({ connectionString, max: 10, application_name: 'kongtask test' })
  // A test that terminates connections takes idle ones of this pool with it, which is no error of the test.
  pool.on('error', () => undefined)
  let dropped: Promise<void> | undefined
  const drop = (): Promise<void> => (dropped ??= dropDatabase(admin, name, pool))
  return { connectionString, directConnectionString, name, pool, drop, [Symbol.asyncDispose]: drop }
}

async function dropDatabase(admin: string, name: string, pool: Pool): Promise<void> {
  // A client that the test has not given back would keep `end` waiting for ever; it shows up in the check below.
  await Promise.race([pool.end(), delay(2_000)])
  await withClient(admin, async (client) => {
    try {
      // A pooler keeps its connections for others.
      if (!hasPooler()) await eventually(() => expectNoConnections(client, name), { within: 2_000 })
    } finally {
      await client.query(`drop database ${name} with (force)`)
    }
  })
}

interface Connection {
  readonly pid: number
  readonly application_name: string
  readonly state: string | null
  readonly query: string
}

/** Fails with a line for everybody who is connected to the database. */
export async function expectNoConnections(admin: Client, database: string): Promise<void> {
  const { rows } = await admin.query<Connection>(
    `select pid, application_name, state, query from pg_stat_activity
      where datname = $1 and backend_type = 'client backend'`,
    [database],
  )
  if (rows.length === 0) return
  const lines = rows.map(
    ({ pid, application_name: application, state, query }) =>
      `\n  "${application}" (pid ${pid}, ${state}), last: ${query.slice(0, 200)}`,
  )
  throw new Error(`${rows.length} connections to ${database} are still open:${lines.join('')}`)
}
