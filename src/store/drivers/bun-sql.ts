import type { Queryable } from '../db.ts'
import type { Driver } from './driver.ts'
import { endingAsOurs } from './open-only.ts'
import { rowsOf } from './rows-of.ts'
import { hasMethods } from './shape.ts'

const NAME = "Bun's SQL"

/** Looks like postgres.js, but knows when its transactions have ended. */
export const bunSql: Driver = {
  name: NAME,
  pass: 'the `tx` of `sql.begin(async (tx) => …)`',
  recognise: (value) => {
    if (!hasMethods(value, ['unsafe', 'flush', 'beginDistributed'])) return undefined
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
  return {
    query: (text, values) =>
      endingAsOurs(NAME, hasBeenOver, async () => rowsOf(await tx.unsafe(text, [...values]))),
  }
}

function hasBeenOver(error: Error): boolean {
  return 'code' in error && error.code === 'ERR_POSTGRES_INVALID_TRANSACTION_STATE'
}
