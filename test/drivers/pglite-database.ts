import { PGlite, type Transaction } from '@electric-sql/pglite'
import { KongTask } from 'kongtask'
import type { Database, DatabaseTransaction } from '../../src/store/database.ts'
import { migrate } from '../../src/store/migrate.ts'
import { PREPARATION } from './checks.ts'

export interface PgliteDatabase {
  readonly db: PGlite
  readonly kong: KongTask
  readonly look: (text: string) => Promise<readonly unknown[]>
  readonly close: () => Promise<void>
}

/** PGlite in memory, migrated. KongTask cannot run on PGlite, which has one connection, but jobs can be added there. */
export async function openPglite(): Promise<PgliteDatabase> {
  const db = await PGlite.create()
  await migrate(asDatabase(db), 'kongtask')
  await db.exec(PREPARATION)
  // Never connects: with(tx) is all it is used for.
  const kong = new KongTask({ connectionString: 'postgres://localhost/x' })
  return {
    db,
    kong,
    look: async (text) => (await db.query<Record<string, unknown>>(text)).rows,
    close: async () => {
      await kong.close()
      await db.close()
    },
  }
}

function asDatabase(db: PGlite): Database {
  return {
    query: (text, values) => db.query(text, [...values]),
    queryText: () => Promise.reject(new Error('migrations do not need it')),
    script: async (text) => void (await db.exec(text)),
    transaction: (work) => db.transaction((tx) => work(asTransaction(tx))),
    longTransaction: (work) => db.transaction((tx) => work(asTransaction(tx))),
  }
}

function asTransaction(tx: Transaction): DatabaseTransaction {
  return {
    query: (text, values) => tx.query(text, [...values]),
    script: async (text) => void (await tx.exec(text)),
  }
}
