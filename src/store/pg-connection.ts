import type { Pool, PoolClient } from 'pg'
import { withinDeadline } from './deadline.ts'

/** Pools whose connections are guarded. */
const guarded = new WeakSet<Pool>()

/**
 * A connection that breaks between two statements, or before whoever asked for it has it, emits an error, which without a
 * listener would end the process. The next statement fails anyway. The pool listens only while nobody has the connection.
 */
function guard(client: PoolClient): void {
  if (!client.listeners('error').includes(ignoreError)) client.on('error', ignoreError)
}

function ignoreError(): void {}

/** So that a connection which breaks while somebody has it does not end the process. */
export function guardConnections(pool: Pool): void {
  if (guarded.has(pool)) return
  guarded.add(pool)
  pool.on('acquire', guard)
}

/** What `use` does with a connection, which it releases. The wait for that counts. @throws KongTaskError `KT_DEADLINE` */
function onConnection<T>(
  pool: Pool,
  deadline: number,
  use: (client: PoolClient) => T | Promise<T>,
): Promise<T> {
  guardConnections(pool)
  let isOver = false
  const start = async (): Promise<T> => {
    const connected = await pool.connect()
    // Granted too late: the caller was told that nothing happened, and nothing must.
    if (isOver) {
      connected.release()
      throw new Error('The connection came after the deadline.')
    }
    return use(connected)
  }
  const used = withinDeadline(start(), deadline)
  used.catch(() => {
    isOver = true
  })
  return used
}

/** A connection of the pool, to be released by whoever asked. @throws KongTaskError `KT_DEADLINE` */
export function connectionOf(pool: Pool, deadline: number): Promise<PoolClient> {
  return onConnection(pool, deadline, (client) => client)
}

/** What `work` does with a connection, all within the deadline. A connection in doubt is closed and not handed on. */
export async function withConnection<T>(
  pool: Pool,
  deadline: number,
  work: (client: PoolClient) => Promise<T>,
): Promise<T> {
  let client: PoolClient | undefined
  try {
    const result = await onConnection(pool, deadline, (connected) => {
      client = connected
      return work(connected)
    })
    client?.release()
    return result
  } catch (error) {
    // A connection in an unknown state must not serve anybody else. A plain SQL error leaves it in good order.
    client?.release(!isConnectionSound(error))
    throw error
  }
}

/** The server answered with an SQLSTATE that does not end the session, so the conversation is in order. */
export function isConnectionSound(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return false
  return /^[0-9A-Z]{5}$/.test(error.code) && !error.code.startsWith('57P') && !error.code.startsWith('08')
}
