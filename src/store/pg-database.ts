import type { Pool, PoolClient } from 'pg'
import { withinDeadline } from './deadline.ts'
import type { Database, DatabaseTransaction, TextRow } from './database.ts'
import { isPreparedFault } from './sqlstate.ts'

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
function ignoreError(): void {}

/** The server answered with an SQLSTATE that does not end the session, so the conversation is in order. */
function isConnectionSound(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return false
  return /^[0-9A-Z]{5}$/.test(error.code) && !error.code.startsWith('57P') && !error.code.startsWith('08')
}
