import type { PoolClient } from 'pg'
import type { DatabaseTransaction } from './database.ts'

/** Committed when `work` returns, rolled back when it throws. */
export async function inTransaction<T>(
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
