import type { Transaction } from '@electric-sql/pglite'
import { drizzle } from 'drizzle-orm/pglite'
import { pgTable, text } from 'drizzle-orm/pg-core'
import { afterAll } from 'vitest'
import { describeChecks } from './contract.ts'
import { openPglite } from './pglite-database.ts'

// Its start takes seconds, so there is one for all.
const { db, kong, look, close } = await openPglite()
afterAll(close)
const nothing = (): Promise<void> => Promise.resolve()

describeChecks<Transaction>('PGlite', async () => ({
  kong,
  look,
  close: nothing,
  inTransaction: (work) => db.transaction(work),
  roots: { db },
  example: async () => {
    // docs: PGlite
    await db.transaction(async (tx) => {
      await tx.query('insert into users values ($1)', ['ada@example.org'])
      await kong.with(tx).addJob('send_email', { to: 'ada@example.org' })
    })
    // end
  },
}))

const overPglite = drizzle({ client: db })
type DrizzleTransaction = Parameters<Parameters<typeof overPglite.transaction>[0]>[0]

describeChecks<DrizzleTransaction>('Drizzle over PGlite', async () => ({
  kong,
  look,
  close: nothing,
  inTransaction: (work) => overPglite.transaction(work),
  roots: { overPglite },
  example: () =>
    overPglite.transaction(async (tx) => {
      await tx.insert(pgTable('users', { email: text().primaryKey() })).values({ email: 'ada@example.org' })
      await kong.with(tx).addJob('send_email', { to: 'ada@example.org' })
    }),
}))
