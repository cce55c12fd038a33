import { asTransaction, type OwnTransaction } from 'kongtask'
import pg from 'pg'
import { contract } from './contract.ts'

// Any driver could stand here.
contract('any other driver, by asTransaction', async ({ kong, connectionString }) => {
  const pool = new pg.Pool({ connectionString })
  return {
    inTransaction: async (work: (tx: OwnTransaction) => Promise<void>) => {
      const client = await pool.connect()
      try {
        await client.query('begin')
        await work(asTransaction((text, values) => client.query(text, values)))
        await client.query('commit')
      } catch (error) {
        await client.query('rollback')
        throw error
      } finally {
        client.release()
      }
    },
    roots: { pool: asTransaction((text, values) => pool.query(text, values)) },
    example: async () => {
      const client = await pool.connect()
      await client.query('begin')
      await client.query('insert into users values ($1)', ['ada@example.org'])
      const query = (text: string, values: unknown[]): Promise<unknown[]> =>
        client.query(text, values).then(({ rows }) => rows)
      // docs: Any other
      // query: runs one statement on your transaction, with $1, $2, … bound to values, and resolves to its rows
      const tx = asTransaction((text, values) => query(text, values))
      await kong.with(tx).addJob('send_email', { to: 'ada@example.org' })
      // end
      await client.query('commit')
      client.release()
    },
    close: () => pool.end(),
  }
})
