import type { Pool, PoolClient } from 'pg'
import { KongTaskError } from '../core/errors.ts'
import type { Database, DatabaseTransaction, TextRow } from './database.ts'

const asText = {
  getTypeParser:
    () =>
    (value: string): string =>
      value,
}

/** A node-postgres pool as a Database. `deadline`: milliseconds for each call, the wait for a connection included. */
export function pgDatabase(pool: Pool, deadline: number): Database {
  const onClient = <T>(work: (client: PoolClient) => Promise<T>): Promise<T> =>
    withClient(pool, deadline, work)
  return {
    query: (text, values) => onClient((client) => client.query(text, [...values])),
    queryText: (text, values) =>
      onClient(async (client) => {
        const { rows } = await client.query<(string | null)[]>({
          text,
          values: [...values],
          rowMode: 'array',
          types: asText,
        })
        return rows satisfies readonly TextRow[]
      }),
    script: (text) => onClient(async (client) => void (await client.query(text))),
    transaction: (work) => onClient((client) => inTransaction(client, work)),
  }
}

async function inTransaction<T>(
  client: PoolClient,
  work: (tx: DatabaseTransaction) => Promise<T>,
): Promise<T> {
  await client.query('begin')
  try {
    const result = await work({
      query: (text, values) => client.query(text, [...values]),
      script: async (text) => void (await client.query(text)),
    })
    await client.query('commit')
    return result
  } catch (error) {
    // Where the connection is gone, so is the transaction; the first error is the one that tells why.
    await client.query('rollback').catch(() => undefined)
    throw error
  }
}

async function withClient<T>(
  pool: Pool,
  deadline: number,
  work: (client: PoolClient) => Promise<T>,
): Promise<T> {
  const expiry = expireAfter(deadline)
  let client: PoolClient | undefined
  try {
    client = await connect(pool, expiry.promise)
    const result = await Promise.race([work(client), expiry.promise])
    client.release()
    return result
  } catch (error) {
    // A connection in an unknown state must not serve anybody else. A plain SQL error leaves it in good order.
    client?.release(isConnectionSound(error) ? undefined : true)
    throw error
  } finally {
    expiry.clear()
  }
}

async function connect(pool: Pool, expired: Promise<never>): Promise<PoolClient> {
  const connecting = pool.connect()
  try {
    return await Promise.race([connecting, expired])
  } catch (error) {
    // It may still be granted later; then nobody waits for it any more.
    connecting.then(
      (late) => late.release(),
      () => undefined,
    )
    throw error
  }
}

/** The server answered with an SQLSTATE that does not end the session, so the conversation is in order. */
function isConnectionSound(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return false
  return /^[0-9A-Z]{5}$/.test(error.code) && !error.code.startsWith('57P') && !error.code.startsWith('08')
}

function expireAfter(deadline: number): { readonly promise: Promise<never>; clear(): void } {
  let timer: NodeJS.Timeout | undefined
  const promise = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(
        new KongTaskError(
          'KT_DEADLINE',
          `The database did not answer within ${deadline} ms. It may be overloaded or unreachable, or the pool has no free connection.`,
        ),
      )
    }, deadline)
  })
  promise.catch(() => undefined)
  return { promise, clear: () => clearTimeout(timer) }
}
