import createKnex, { type Knex } from 'knex'
import { contract } from './contract.ts'

contract('Knex', async ({ kong, connectionString }) => {
  const knex = createKnex({ client: 'pg', connection: connectionString })
  return {
    inTransaction: (work) => knex.transaction(work),
    roots: { knex },
    example: async () => {
      // docs: Knex
      await knex.transaction(async (trx) => {
        await trx('users').insert({ email: 'ada@example.org' })
        await kong.with(trx).addJob('send_email', { to: 'ada@example.org' })
      })
      // end
    },
    close: () => knex.destroy(),
  }
})

contract('Knex, begun by hand', async ({ kong, connectionString }) => {
  const knex = createKnex({ client: 'pg', connection: connectionString })
  const inTransaction = async (work: (trx: Knex.Transaction) => Promise<void>): Promise<void> => {
    const trx = await knex.transaction()
    try {
      await work(trx)
      await trx.commit()
    } catch (error) {
      await trx.rollback()
      throw error
    }
  }
  return {
    inTransaction,
    roots: { knex },
    example: () =>
      inTransaction(async (trx) => {
        await trx('users').insert({ email: 'ada@example.org' })
        await kong.with(trx).addJob('send_email', { to: 'ada@example.org' })
      }),
    close: () => knex.destroy(),
  }
})
