import { Client, Pool } from 'pg'
import { KongTaskError } from '../../core/errors.ts'
import type { Queryable } from '../db.ts'
import type { Driver } from './driver.ts'
import { askingTheDatabase } from './open-only.ts'
import { rowsOf } from './rows-of.ts'
import { hasMethods, propertyOf } from './shape.ts'

/** And what is built like it: Neon's and Vercel's clients over WebSockets. */
export const nodePostgres: Driver = {
  name: 'node-postgres',
  pass: 'a client taken with `pool.connect()` after `begin`',
  recognise: (value) => {
    if (isNodePostgresPool(value)) return 'root'
    return isClient(value) ? onClient(value) : undefined
  },
}

/** A pool of our own. @throws KT_CONNECTION_INVALID where the text cannot be read as a connection string. */
export function openPool(connectionString: string): Pool {
  // A pool would read it only when somebody waits for a connection.
  checkReadable(connectionString)
  const pool = new Pool({ connectionString })
  // An idle connection that breaks is replaced when one is needed; without a listener it would end the process.
  pool.on('error', () => undefined)
  return pool
}

/** @throws KT_CONNECTION_INVALID where the text cannot be read as a connection string. */
export function checkReadable(connectionString: string): void {
  try {
    void new Client({ connectionString })
  } catch (cause) {
    throw new KongTaskError(
      'KT_CONNECTION_INVALID',
      'The connection string cannot be read. It should look like postgres://user:password@host:5432/database.',
      { cause },
    )
  }
}

/** By shape: the application's copy of `pg` need not be ours. */
export function isNodePostgresPool(value: object): value is Pool {
  return hasMethods(value, ['connect', 'query', 'end']) && typeof propertyOf(value, 'totalCount') === 'number'
}

interface ClientLike {
  query(text: string, values?: unknown[]): PromiseLike<unknown>
  /** Since pg 8.21; `I`dle, in a `T`ransaction, in one that failed (`E`), or not known. */
  getTransactionStatus?(): string | null
}

function isClient(value: object): value is ClientLike {
  return hasMethods(value, ['connect', 'query', 'escapeLiteral'])
}

function onClient(client: ClientLike): Queryable {
  const unknown = askingTheDatabase((text, values) => client.query(text, [...values]))
  return {
    query: async (text, values) => {
      // The status is that of the last answer: a `begin` that nobody awaited may still be under way.
      if (client.getTransactionStatus?.() === 'I') await client.query('')
      const status = client.getTransactionStatus?.() ?? undefined
      if (status === undefined) return unknown.query(text, values)
      checkStatus(status)
      return rowsOf(await client.query(text, [...values]))
    },
  }
}

function checkStatus(status: string): void {
  if (status === 'I') {
    throw new KongTaskError(
      'KT_NOT_A_TRANSACTION',
      'with(tx): this connection has no open transaction. Run `begin` on it first, and commit when your writes are done.',
    )
  }
  if (status === 'E') {
    throw new KongTaskError(
      'KT_NOT_A_TRANSACTION',
      'with(tx): an earlier statement of this transaction failed, so nothing can be added in it. Roll it back and begin again.',
    )
  }
}
