import { randomBytes } from 'node:crypto'
import type { Pool } from 'pg'
import { readConnection } from '../client/connection.ts'
import type { Queryable } from '../store/db.ts'
import { pgDatabase } from '../store/pg-database.ts'
import { forSchema } from '../store/statement.ts'
import { clearDatabase, dropSchema, emptyTables, moveClock } from '../store/statements.generated.ts'
import { createStore, type Store } from '../store/store.ts'
import { sessionPool } from './pglite-client.ts'
import { giveBackPglite, PGLITE_SCHEMA, takePglite } from './pglite.ts'

/** Milliseconds for a statement of ours. */
const DEADLINE = 30_000
/** Of the kit's pool; on PGlite they take turns. */
const MOST_CONNECTIONS = 10

/** A database with KongTask's tables that nobody else uses. */
export interface KitDatabase {
  readonly pool: Pool
  readonly schema: string
  readonly store: Store
  /** From now on, KongTask's time is so many milliseconds ahead of the server's. */
  moveClock(ahead: number): Promise<void>
  /** No jobs, and nothing else that was written since the tables were made. */
  empty(): Promise<void>
  close(): Promise<void>
}

export async function openPgliteDatabase(): Promise<KitDatabase> {
  const server = await takePglite()
  const pool = sessionPool(server.session, MOST_CONNECTIONS)
  const database = kitDatabase(pool, PGLITE_SCHEMA)
  return {
    ...database,
    close: async () => {
      // A connection that a test has not given back, and its transaction, must not keep the next one waiting.
      server.session.dismissAll()
      pool.end().catch(() => undefined)
      const cleaner = sessionPool(server.session, 1)
      const left = kitDatabase(cleaner, PGLITE_SCHEMA)
      await left.moveClock(0)
      await left.empty()
      await run(cleaner, PGLITE_SCHEMA, clearDatabase.text)
      await cleaner.end()
      giveBackPglite(server)
    },
  }
}

/** A schema of its own, which is dropped at the end. */
export async function openServerDatabase(connectionString: string): Promise<KitDatabase> {
  const { pool } = readConnection(connectionString, undefined, 'createTestKongTask')
  const schema = `kongtask_test_${randomBytes(6).toString('hex')}`
  const database = kitDatabase(pool, schema)
  try {
    await database.store.migrate()
  } catch (error) {
    await pool.end()
    throw error
  }
  return {
    ...database,
    close: async () => {
      try {
        await run(pool, schema, dropSchema.text)
      } finally {
        await pool.end()
      }
    },
  }
}

function kitDatabase(pool: Pool, schema: string): Omit<KitDatabase, 'close'> {
  return {
    pool,
    schema,
    store: createStore(pgDatabase(pool, DEADLINE), schema),
    moveClock: (ahead) => run(pool, schema, moveClock.text.replace('0 ms', `${Math.round(ahead)} ms`)),
    empty: () => run(pool, schema, emptyTables.text),
  }
}

async function run(pool: Pool, schema: string, text: string): Promise<void> {
  const database: Queryable = pgDatabase(pool, DEADLINE)
  await database.query(forSchema(text, schema), [])
}
