import { drizzle } from 'drizzle-orm/node-postgres'
import { drizzle as overPostgresJs } from 'drizzle-orm/postgres-js'
import { pgTable, text, withReplicas } from 'drizzle-orm/pg-core'
import pg from 'pg'
import postgres from 'postgres'
import { contract } from './contract.ts'

const users = pgTable('users', { email: text().primaryKey() })

contract('Drizzle over node-postgres', async ({ kong, connectionString }) => {
  const pool = new pg.Pool({ connectionString })
  const db = drizzle({ client: pool, schema: { users } })
  return {
    inTransaction: (work) => db.transaction(work),
    roots: { db, replicas: withReplicas(db, [db]) },
    example: async () => {
      // docs: Drizzle
      await db.transaction(async (tx) => {
        await tx.insert(users).values({ email: 'ada@example.org' })
        await kong.with(tx).addJob('send_email', { to: 'ada@example.org' })
      })
      // end
    },
    close: () => pool.end(),
  }
})

contract('Drizzle over postgres.js, nested', async ({ kong, connectionString }) => {
  const sql = postgres(connectionString)
  const db = overPostgresJs({ client: sql })
  return {
    inTransaction: (work) => db.transaction((tx) => tx.transaction(work)),
    roots: { db },
    example: () =>
      db.transaction(async (tx) => {
        await tx.insert(users).values({ email: 'ada@example.org' })
        await kong.with(tx).addJob('send_email', { to: 'ada@example.org' })
      }),
    close: () => sql.end(),
  }
})
