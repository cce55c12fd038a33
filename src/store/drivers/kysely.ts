import type { Queryable } from '../db.ts'
import type { Driver } from './driver.ts'
import { askingTheDatabase, endingAsOurs, hasEnded } from './open-only.ts'
import { rowsOf } from './rows-of.ts'
import { hasMethods, propertyOf } from './shape.ts'

const NAME = 'Kysely'

export const kysely: Driver = {
  name: NAME,
  pass: 'the `trx` of `db.transaction().execute(async (trx) => …)` or of `db.startTransaction().execute()`',
  recognise: (value) => {
    if (!hasMethods(value, ['executeQuery', 'selectFrom'])) return undefined
    return isTransaction(value) ? onTransaction(value) : 'root'
  },
}

interface Transaction {
  executeQuery(query: CompiledQuery): PromiseLike<unknown>
  /** Where it was begun by hand. */
  readonly isCommitted?: boolean
  readonly isRolledBack?: boolean
}

/** What Kysely's own `CompiledQuery.raw` makes. */
interface CompiledQuery {
  readonly sql: string
  readonly parameters: readonly unknown[]
  readonly query: object
  /** Plugins know a query by this object. */
  readonly queryId: { readonly queryId: string }
}

function isTransaction(value: object): value is Transaction {
  return propertyOf(value, 'isTransaction') === true
}

function onTransaction(trx: Transaction): Queryable {
  // Before 0.28, which brought these, a transaction did not notice its own end.
  if (!hasMethods(trx, ['startTransaction'])) {
    return askingTheDatabase((text, values) => trx.executeQuery(compiled(text, values)))
  }
  return {
    query: async (text, values) => {
      if (trx.isCommitted === true || trx.isRolledBack === true) throw hasEnded(NAME)
      return endingAsOurs(NAME, isOver, async () => rowsOf(await trx.executeQuery(compiled(text, values))))
    },
  }
}

function compiled(sql: string, parameters: readonly unknown[]): CompiledQuery {
  return {
    sql,
    parameters,
    query: { kind: 'RawNode', sqlFragments: [sql], parameters: [] },
    queryId: { queryId: 'kongtask' },
  }
}

function isOver({ message }: Error): boolean {
  return /^Transaction is already (committed|rolled back)$/.test(message)
}
