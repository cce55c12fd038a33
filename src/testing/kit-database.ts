import { randomBytes } from 'node:crypto'
import type { Pool } from 'pg'
import { readConnection } from '../client/connection.ts'
import { poolEnd } from '../runner/pool-end.ts'
import type { Queryable } from '../store/db.ts'
import { pgDatabase } from '../store/pg-database.ts'
import { forSchema, runStatement } from '../store/statement.ts'
import {
  clearDatabase,
  dropSchema,
  emptyTables,
  moveClock,
  nextDue,
  nextTickIn,
} from '../store/statements.generated.ts'
import { createStore, type Store } from '../store/store.ts'
import { wallTime } from './moved-date.ts'
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
  /** Milliseconds that the server's clock shows more than this machine's. */
  readonly skew: number
  /** From now on, KongTask's time is so many milliseconds ahead of the server's. */
  moveClock(ahead: number): Promise<void>
  /** What falls due next by itself; of jobs, those that were not due at `since`. @default now */
  nextDue(since?: string): Promise<NextDue>
  /** Milliseconds until a schedule is to fire; Infinity where none ever is. */
  nextTickIn(): Promise<number>
  /** No jobs, and nothing else that was written since the tables were made. */
  empty(): Promise<void>
  close(): Promise<void>
}

export interface NextDue {
  /** When that was so, for `since`: by the database's clock, in microseconds. */
  readonly at: string
  /** Milliseconds; below zero where it fell due since; Infinity where there is nothing to come. */
  readonly dueIn: number
}

export async function openPgliteDatabase(): Promise<KitDatabase> {
  const server = await takePglite()
  const pool = sessionPool(server.session, MOST_CONNECTIONS)
  const database = kitDatabase(pool, PGLITE_SCHEMA)
  return {
    ...database,
    // It asks this process what time it is.
    skew: 0,
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
  const open = (): Pool => readConnection(connectionString, undefined, 'createTestKongTask').pool
  const pool = open()
  const end = poolEnd(pool)
  const schema = `kongtask_test_${randomBytes(6).toString('hex')}`
  const database = kitDatabase(pool, schema)
  try {
    await database.store.migrate()
    return { ...database, skew: await skewOf(database.store), close: () => dropAtEnd(end, open, schema) }
  } catch (error) {
    await end()
    throw error
  }
}

/** Behind the end of what a test has not given back: its transaction would keep the schema. */
async function dropAtEnd(end: () => Promise<void>, open: () => Pool, schema: string): Promise<void> {
  await end()
  const cleaner = open()
  try {
    await run(cleaner, schema, dropSchema.text)
  } finally {
    await cleaner.end()
  }
}

/** Milliseconds that KongTask's clock shows more than this machine's; zero where they may be the same. */
export async function skewOf(store: Pick<Store, 'readClock'>): Promise<number> {
  const before = wallTime()
  const at = (await store.readClock()).at.getTime()
  const after = wallTime()
  // Of what it may be, the least: who is told that it is earlier than it is moves further rather than not far enough.
  return at >= before && at <= after ? 0 : at - after
}

function kitDatabase(pool: Pool, schema: string): Omit<KitDatabase, 'close' | 'skew'> {
  const queryable = pgDatabase(pool, DEADLINE)
  return {
    pool,
    schema,
    store: createStore(queryable, schema),
    moveClock: (ahead) => run(pool, schema, moveClock.text.replace('0 ms', `${Math.round(ahead)} ms`)),
    nextDue: async (since) => {
      const [row] = await runStatement(queryable, schema, nextDue, { since: since ?? null })
      if (row === undefined) throw new TypeError('next_due returned no row')
      return { at: row.at, dueIn: row.due_in ?? Infinity }
    },
    nextTickIn: async () => {
      const [row] = await runStatement(queryable, schema, nextTickIn, {})
      return row?.due_in ?? Infinity
    },
    empty: () => run(pool, schema, emptyTables.text),
  }
}

async function run(pool: Pool, schema: string, text: string): Promise<void> {
  const database: Queryable = pgDatabase(pool, DEADLINE)
  await database.query(forSchema(text, schema), [])
}
