import type { Pool, PoolClient } from 'pg'
import type { Database, TextRow } from './database.ts'
import { withConnection } from './pg-connection.ts'
import { inLongTransaction } from './pg-long-transaction.ts'
import { inTransaction } from './pg-transaction.ts'
import { isPreparedFault } from './sqlstate.ts'

const asText = {
  getTypeParser:
    () =>
    (value: string): string =>
      value,
}

/**
 * A node-postgres pool as a Database. `deadline`: milliseconds for each call, the wait for a connection included; of a long
 * transaction, for that wait alone.
 */
export function pgDatabase(pool: Pool, deadline: number): Database {
  const onClient = <T>(work: (client: PoolClient) => Promise<T>): Promise<T> =>
    withConnection(pool, deadline, work)
  return {
    query: (text, values, named) =>
      onClient((client) =>
        prepared(pool, named, (name) => client.query({ ...name, text, values: [...values] })),
      ),
    queryText: (text, values, named) =>
      onClient(async (client) => {
        const { rows } = await prepared(pool, named, (name) =>
          client.query<(string | null)[]>({
            ...name,
            text,
            values: [...values],
            rowMode: 'array',
            types: asText,
          }),
        )
        return rows satisfies readonly TextRow[]
      }),
    script: (text) => onClient(async (client) => void (await client.query(text))),
    transaction: (work) => onClient((client) => inTransaction(client, work)),
    longTransaction: (work, signal) => inLongTransaction(pool, deadline, work, signal),
  }
}

/** Pools whose connections lose prepared statements, or share them with strangers. */
const keepsNothing = new WeakSet<Pool>()

/**
 * Prepared once per connection, which spares the server a sixth of a single job's time. A pooler in between may hand each
 * transaction to another session, where the name is unknown or somebody has taken it; and whoever else uses the pool may
 * drop what was prepared. Such a statement has failed before it did anything, in a transaction of its own: so it is run
 * again without a name, and where that helps, the pool's statements have none from then on.
 */
async function prepared<T>(
  pool: Pool,
  name: string | undefined,
  send: (name: { readonly name?: string }) => Promise<T>,
): Promise<T> {
  if (name === undefined || keepsNothing.has(pool)) return send({})
  try {
    return await send({ name })
  } catch (error) {
    if (!isPreparedFault(error)) throw error
    const result = await send({})
    keepsNothing.add(pool)
    return result
  }
}
