import { createServer, type Server } from 'node:net'
import { Pool } from 'pg'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openTransaction } from './open-transaction.ts'
import { pgDatabase } from './pg-database.ts'

const DEADLINE = 5_000

/** As PostgreSQL sends it: its kind, its length, and what it says. */
function message(kind: string, body: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeInt32BE(body.length + 4)
  return Buffer.concat([Buffer.from(kind), length, body])
}

const WELCOME = Buffer.concat([
  message('R', Buffer.alloc(4)),
  message('K', Buffer.alloc(8)),
  message('Z', Buffer.from('I')),
])
const FAREWELL = message(
  'E',
  Buffer.from('SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0'),
)

let server: Server
let pool: Pool

beforeEach(async () => {
  // Ended by an administrator in the very moment in which it begins: both arrive at once.
  server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () => socket.end(Buffer.concat([WELCOME, FAREWELL])))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  pool = new Pool({ host: '127.0.0.1', port, user: 'me', database: 'app' })
  pool.on('error', () => undefined)
})

afterEach(async () => {
  await pool.end()
  await new Promise((resolve) => server.close(resolve))
})

// Nobody would hear of the error but the process, which it would end.
it('a connection that is ended before anybody has it fails the call, and nothing else', async () => {
  await expect(pgDatabase(pool, DEADLINE).query('select 1', [])).rejects.toThrow('connection error')
})

it('nor does a transaction of unknown length, or one that may take long', async () => {
  await expect(openTransaction(pool, DEADLINE)).rejects.toThrow('connection error')
  await expect(
    pgDatabase(pool, DEADLINE).longTransaction(() => Promise.resolve(), undefined),
  ).rejects.toThrow('connection error')
})

it('a pool that is used by many hears of it once', async () => {
  const before = pool.listenerCount('acquire')
  await expect(pgDatabase(pool, DEADLINE).query('select 1', [])).rejects.toThrow('connection error')
  await expect(openTransaction(pool, DEADLINE)).rejects.toThrow('connection error')
  expect(pool.listenerCount('acquire')).toBe(before + 1)
})
