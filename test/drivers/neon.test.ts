import { neon, neonConfig, Pool, type PoolClient } from '@neondatabase/serverless'
import { WebSocket } from 'ws'
import { contract } from './contract.ts'
import { startRelay } from './neon-relay.ts'

contract('Neon over WebSockets', async ({ kong, connectionString }) => {
  const { hostname, port } = new URL(connectionString)
  const relay = await startRelay({ host: hostname, port: Number(port) })
  // To our relay instead of Neon's, without TLS.
  Object.assign(neonConfig, {
    webSocketConstructor: WebSocket,
    wsProxy: () => `127.0.0.1:${relay.port}/`,
    useSecureWebSocket: false,
    pipelineConnect: false,
  })
  const pool = new Pool({ connectionString })
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
    roots: { pool, idle, http: neon('postgresql://user:password@host.example/database') },
    example: async () => {
      // docs: Neon
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
      await relay.close()
    },
  }
})
