import pg, { type PoolClient } from 'pg'
import { contract } from './contract.ts'

contract('node-postgres, with a client of a pool', async ({ kong, connectionString }) => {
  const pool = new pg.Pool({ connectionString })
  const idle = await pool.connect()
  const inTransaction = async (work: (tx: PoolClient) => Promise<void>): Promise<void> => {
    const client = await pool.connect()
    try {
      await client.query('begin')
      await work(client)
      await client.query('commit')
    } catch (error) {
      await client.query('rollback')
      throw error
    } finally {
      client.release()
    }
  }
  return {
    inTransaction,
    roots: { pool, idle },
    example: async () => {
      // docs: node-postgres
      const client = await pool.connect()
      try {
        await client.query('begin')
        await client.query('insert into users values ($1)', ['ada@example.org'])
        await kong.with(client).addJob('send_email', { to: 'ada@example.org' })
        await client.query('commit')
      } catch (error) {
        await client.query('rollback')
        throw error
      } finally {
        client.release()
      }
      // end
    },
    close: async () => {
      idle.release()
      await pool.end()
    },
  }
})

contract('node-postgres, with a client alone', async ({ kong, connectionString }) => {
  const client = new pg.Client({ connectionString })
  await client.connect()
  return {
    inTransaction: async (work) => {
      await client.query('begin')
      try {
        await work(client)
        await client.query('commit')
      } catch (error) {
        await client.query('rollback')
        throw error
      }
    },
    roots: { client },
    example: async () => {
      await client.query('begin')
      await client.query('insert into users values ($1)', ['ada@example.org'])
      await kong.with(client).addJob('send_email', { to: 'ada@example.org' })
      await client.query('commit')
    },
    close: () => client.end(),
  }
})
