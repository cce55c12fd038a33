import type { Queryable } from '../db.ts'
import type { Driver } from './driver.ts'
import { askingTheDatabase } from './open-only.ts'
import { hasMethods } from './shape.ts'

export const postgresJs: Driver = {
  name: 'postgres.js',
  pass: 'the `tx` of `sql.begin(async (tx) => …)`',
  recognise: (value) => {
    if (!hasMethods(value, ['unsafe', 'notify', 'file'])) return undefined
    // A reserved connection has no savepoints: nobody can tell whether `begin` was run on it.
    return isTransaction(value) ? onTransaction(value) : 'root'
  },
}

interface TransactionSql {
  unsafe(text: string, values: unknown[]): PromiseLike<unknown>
}

function isTransaction(value: object): value is TransactionSql {
  return hasMethods(value, ['unsafe', 'savepoint'])
}

function onTransaction(tx: TransactionSql): Queryable {
  return askingTheDatabase((text, values) => tx.unsafe(text, [...values]))
}
