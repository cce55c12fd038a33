import type { Pool, PoolClient } from 'pg'
import type { DatabaseTransaction } from './database.ts'
import { connectionOf, isConnectionSound, withConnection } from './pg-connection.ts'
import { inTransaction } from './pg-transaction.ts'
import { valuesOf } from './statement.ts'
import { cancelTransaction, thisTransaction } from './statements.generated.ts'

/**
 * A transaction for as long as it takes; `deadline` is for the connection alone. Aborted, it is cancelled on the server from
 * another connection, so that nobody there goes on waiting for its locks.
 *
 * @throws the signal's reason, or what `work` throws
 */
export async function inLongTransaction<T>(
  pool: Pool,
  deadline: number,
  work: (tx: DatabaseTransaction) => Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  const isAborted = (): boolean => signal?.aborted === true
  signal?.throwIfAborted()
  const client = await connectionOf(pool, deadline)
  if (isAborted()) {
    client.release()
    throw signal?.reason
  }
  let own: TransactionOnServer | undefined
  const cancel = async (): Promise<void> => {
    if (own === undefined) return
    const { pid, began } = own
    const values = valuesOf(cancelTransaction, { pid, began })
    await withConnection(pool, deadline, (other) => other.query(cancelTransaction.text, values))
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
    client.release(isAborted() || !isConnectionSound(error))
    throw error
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
