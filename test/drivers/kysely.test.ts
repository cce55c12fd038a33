import { CamelCasePlugin, Kysely, PostgresDialect, type ControlledTransaction } from 'kysely'
import pg from 'pg'
import { contract } from './contract.ts'

interface Tables {
  readonly users: { readonly email: string }
}

const connect = (connectionString: string): Kysely<Tables> =>
  new Kysely<Tables>({
    dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString }) }),
    plugins: [new CamelCasePlugin()],
  })

contract('Kysely', async ({ kong, connectionString }) => {
  const db = connect(connectionString)
  return {
    inTransaction: (work) => db.transaction().execute(work),
    roots: { db, withSchema: db.withSchema('x') },
    example: async () => {
      // docs: Kysely
      await db.transaction().execute(async (trx) => {
        await trx.insertInto('users').values({ email: 'ada@example.org' }).execute()
        await kong.with(trx).addJob('send_email', { to: 'ada@example.org' })
      })
      // end
    },
    close: () => db.destroy(),
  }
})

contract('Kysely, begun by hand', async ({ kong, connectionString }) => {
  const db = connect(connectionString)
  const inTransaction = async (
    work: (trx: ControlledTransaction<Tables>) => Promise<void>,
  ): Promise<void> => {
    const trx = await db.startTransaction().execute()
    try {
      await work(trx)
      await trx.commit().execute()
    } catch (error) {
      await trx.rollback().execute()
      throw error
    }
  }
  return {
    inTransaction,
    roots: { db },
    example: () =>
      inTransaction(async (trx) => {
        await trx.insertInto('users').values({ email: 'ada@example.org' }).execute()
        await kong.with(trx).addJob('send_email', { to: 'ada@example.org' })
      }),
    close: () => db.destroy(),
  }
})
