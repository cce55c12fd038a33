import type { Pool, PoolClient } from 'pg'
import { pause } from '../runtime/retry.ts'

/** Milliseconds for the last word to a server, which may hear nothing any more. */
const LONGEST_GOODBYE = 1_000

/**
 * Ends a pool, from whose beginning on it has to know it. Connections that fell silent, and those that somebody holds who was
 * left behind, are cut after a moment: the pool would wait for them, and then the process, for as long as TCP hopes.
 */
export function poolEnd(pool: Pool): () => Promise<void> {
  const open = new Set<PoolClient>()
  const over = new AbortController()
  let hasEnded = false
  const look = (): void => {
    if (hasEnded && open.size === 0) over.abort()
  }
  pool.on('connect', (client) => open.add(client))
  pool.on('remove', (client) => {
    open.delete(client)
    look()
  })
  return async () => {
    const ended = (): void => {
      hasEnded = true
      look()
    }
    pool.end().then(ended, ended)
    await pause(LONGEST_GOODBYE, over.signal)
    for (const { connection } of open) connection.stream.destroy()
  }
}
