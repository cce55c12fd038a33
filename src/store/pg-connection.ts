import type { Pool, PoolClient } from 'pg'
import { withinDeadline } from './deadline.ts'

/** Pools whose connections are guarded. */
const guarded = new WeakSet<Pool>()

/**
 * Until whoever asked for a connection has it, the event loop takes a turn, and the pool listens no more. One that is ended right
 * then emits an error, which without a listener would end the process; the first statement fails anyway.
 */
function guard(client: PoolClient): void {
  if (!client.listeners('error').includes(ignoreEarlyError)) client.on('error', ignoreEarlyError)
}

function ignoreEarlyError(): void {}

/** So that a connection which is ended just as it is handed out does not end the process. */
export function guardConnections(pool: Pool): void {
  if (guarded.has(pool)) return
  guarded.add(pool)
  pool.on('acquire', guard)
}

/** A connection of the pool, to be released by whoever asked. @throws KongTaskError `KT_DEADLINE` */
export async function connectionOf(pool: Pool, deadline: number): Promise<PoolClient> {
  let isOver = false
  const start = async (): Promise<PoolClient> => {
    const connected = await pool.connect()
    if (!isOver) return connected
    connected.release()
    throw new Error('The connection came after the deadline.')
  }
  try {
    return await withinDeadline(start(), deadline)
  } catch (error) {
    isOver = true
    throw error
  }
}

/** What `work` does with a connection, all within the deadline. A connection in doubt is closed and not handed on. */
export async function withConnection<T>(
  pool: Pool,
  deadline: number,
  work: (client: PoolClient) => Promise<T>,
): Promise<T> {
  let client: PoolClient | undefined
  let isOver = false
  const start = async (): Promise<T> => {
    const connected = await pool.connect()
    // Granted too late: the caller was told that nothing happened, and nothing must.
    if (isOver) {
      connected.release()
      throw new Error('The connection came after the deadline.')
    }
    client = connected
    client.on('error', ignoreError)
    return work(connected)
  }
  try {
    const result = await withinDeadline(start(), deadline)
    client?.release()
    return result
  } catch (error) {
    isOver = true
    // A connection in an unknown state must not serve anybody else. A plain SQL error leaves it in good order.
    client?.release(!isConnectionSound(error))
    throw error
  } finally {
    client?.off('error', ignoreError)
  }
}

/**
 * A connection that breaks between two statements emits an error, which without a listener would end the process.
 * The next statement fails anyway. The pool listens only while nobody has the connection.
 */
export function ignoreError(): void {}

/** The server answered with an SQLSTATE that does not end the session, so the conversation is in order. */
export function isConnectionSound(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return false
  return /^[0-9A-Z]{5}$/.test(error.code) && !error.code.startsWith('57P') && !error.code.startsWith('08')
}
