import type { Pool, PoolClient } from 'pg'
import { withinDeadline } from './deadline.ts'
import type { Database, DatabaseTransaction, TextRow } from './database.ts'
import { isPreparedFault } from './sqlstate.ts'
import { valuesOf } from './statement.ts'
import { cancelTransaction, thisTransaction } from './statements.generated.ts'

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
  if (!guarded.has(pool)) {
    guarded.add(pool)
    pool.on('acquire', guard)
  }
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
    longTransaction: (work, signal) => inLongTransaction(pool, deadline, work, signal),
  }
}

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

async function inLongTransaction<T>(
  pool: Pool,
  deadline: number,
  work: (tx: DatabaseTransaction) => Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  signal?.throwIfAborted()
  const client = await connect(pool, deadline)
  client.on('error', ignoreError)
  let own: TransactionOnServer | undefined
  const cancel = async (): Promise<void> => {
    if (own === undefined) return
    const { pid, began } = own
    const values = valuesOf(cancelTransaction, { pid, began })
    await withClient(pool, deadline, (other) => other.query(cancelTransaction.text, values))
  }
  const wholeWork = inTransaction(client, async (tx) => {
    own = await onServer(client)
    return work(tx)
  })
  try {
    const result = await unlessAborted(wholeWork, signal, cancel)
    client.release()
    return result
  } catch (error) {
    client.release(signal?.aborted === true || !isConnectionSound(error))
    throw error
  } finally {
    client.off('error', ignoreError)
  }
}

interface TransactionOnServer {
  readonly pid: number
  readonly began: string
}

async function onServer(client: PoolClient): Promise<TransactionOnServer | undefined> {
  const { rows } = await client.query<TransactionOnServer>(thisTransaction.text)
  return rows[0]
}

/** @throws the signal's reason, as soon as `cancel` has done what it could */
function unlessAborted<T>(
  work: Promise<T>,
  signal: AbortSignal | undefined,
  cancel: () => Promise<void>,
): Promise<T> {
  if (signal === undefined) return work
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => reject(signal.aborted ? signal.reason : error)
    const onAbort = (): void => void cancel().then(() => fail(undefined), fail)
    signal.addEventListener('abort', onAbort)
    work.then(resolve, fail).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

async function connect(pool: Pool, deadline: number): Promise<PoolClient> {
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
