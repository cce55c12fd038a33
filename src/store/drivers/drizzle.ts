import type { Queryable } from '../db.ts'
import type { Driver } from './driver.ts'
import { askingTheDatabase, endingAsOurs } from './open-only.ts'
import { hasMethods } from './shape.ts'

const NAME = 'Drizzle'

/** Over whichever driver. */
export const drizzle: Driver = {
  name: NAME,
  pass: 'the `tx` of `db.transaction(async (tx) => …)`',
  recognise: (value) => {
    if (!hasMethods(value, ['execute', 'select', 'insert', '$with'])) return undefined
    return isTransaction(value) ? onTransaction(value) : 'root'
  },
}

/**
 * `execute` is the public way for a statement of one's own. It wants something with `getSQL`, whose answer the dialect
 * asks for its text and parameters: the same two methods that Drizzle's own `sql` has. What lies below (`session`,
 * `prepareQuery`) is internal and differs from driver to driver and version to version.
 */
interface Transaction {
  execute(query: { getSQL(): { toQuery(): BoundQuery } }): PromiseLike<unknown>
}

interface BoundQuery {
  readonly sql: string
  readonly params: unknown[]
}

function isTransaction(value: object): value is Transaction {
  return hasMethods(value, ['rollback'])
}

function onTransaction(tx: Transaction): Queryable {
  return askingTheDatabase((text, values) => {
    const bound = { sql: text, params: [...values] }
    const query = { getSQL: () => ({ toQuery: () => bound }) }
    return endingAsOurs(NAME, isOver, () => tx.execute(query))
  })
}

/** PGlite below knows before the database is asked. */
function isOver({ cause }: Error): boolean {
  return cause instanceof Error && cause.message === 'Transaction is closed'
}
