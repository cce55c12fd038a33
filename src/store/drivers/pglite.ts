import type { Queryable } from '../db.ts'
import type { Driver } from './driver.ts'
import { hasEnded } from './open-only.ts'
import { rowsOf } from './rows-of.ts'
import { hasMethods, propertyOf } from './shape.ts'

export const pglite: Driver = {
  name: 'PGlite',
  pass: 'the `tx` of `db.transaction(async (tx) => …)`',
  recognise: (value) => {
    if (!hasMethods(value, ['query', 'exec']) || typeof propertyOf(value, 'closed') !== 'boolean')
      return undefined
    return isTransaction(value) ? onTransaction(value) : 'root'
  },
}

interface Transaction {
  readonly closed: boolean
  query(text: string, values: unknown[]): PromiseLike<unknown>
}

function isTransaction(value: object): value is Transaction {
  return hasMethods(value, ['rollback'])
}

function onTransaction(tx: Transaction): Queryable {
  return {
    query: async (text, values) => {
      if (tx.closed) throw hasEnded('PGlite')
      return rowsOf(await tx.query(text, [...values]))
    },
  }
}
