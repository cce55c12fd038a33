import { isOwnTransaction, queryOf } from '../../core/transaction.ts'
import type { Driver } from './driver.ts'
import { askingTheDatabase } from './open-only.ts'

/** Of a driver that nobody here knows; a pool behind it shows by what the database says. */
export const ownTransaction: Driver = {
  name: 'asTransaction',
  pass: 'what `asTransaction((text, values) => rows)` returns',
  recognise: (value) => {
    if (!isOwnTransaction(value)) return undefined
    const query = queryOf(value)
    return askingTheDatabase((text, values) => query(text, values.map(asText)))
  },
}

function asText(value: unknown): string | null {
  if (value === null || typeof value === 'string') return value
  throw new TypeError('On a transaction of the caller, parameters are text.')
}
