/** Public by its name, so that two copies of the package, and other people's adapters, mean the same. */
const QUERY: unique symbol = Symbol.for('kongtask.transaction')

/** One statement with `$1`, `$2`, … and its values, on the transaction; answers the rows, or an object that has them. */
export type TransactionQuery = (text: string, values: (string | null)[]) => PromiseLike<TransactionRows>

/** Rows are objects by column name. */
export type TransactionRows = readonly unknown[] | { readonly rows: readonly unknown[] }

/** What `asTransaction` returns: for `with(tx)`. */
export interface OwnTransaction {
  readonly [QUERY]: TransactionQuery
}

/**
 * A transaction of a driver that KongTask does not know, for `with(tx)`. Each call must run its statement on the
 * connection of that one transaction. Before it adds anything, KongTask sends a statement that PostgreSQL refuses where
 * no transaction is open.
 *
 * @example
 * await kong.with(asTransaction((text, values) => tx.run(text, values))).addJob(sendEmail, { to: 'ada@example.org' })
 */
export function asTransaction(query: TransactionQuery): OwnTransaction {
  return Object.freeze({ [QUERY]: query })
}

export function isOwnTransaction(value: object): value is OwnTransaction {
  return QUERY in value && typeof value[QUERY] === 'function'
}

export function queryOf(transaction: OwnTransaction): TransactionQuery {
  return transaction[QUERY]
}

type Method = (...parameters: never[]) => unknown

/**
 * A transaction of any driver that KongTask knows, by shape: what tells it from a pool or a root object, where the
 * driver's types tell. docs/drivers.md has the list.
 */
export type TransactionLike =
  | NodePostgresClient
  | ReleasableClient
  | PostgresJsTransaction
  | PgliteTransaction
  | DrizzleTransaction
  | KyselyTransaction
  | PrismaTransaction
  | KnexTransaction
  | TypeormManager
  | TypeormRunner
  | MikroOrmManager
  | SequelizeTransaction
  | OwnTransaction

/** Neon's client over WebSockets is one as well. */
interface NodePostgresClient {
  readonly query: Method
  readonly escapeLiteral: Method
}

/** What `withTransaction` gives a handler. */
interface ReleasableClient {
  readonly query: Method
  readonly release: Method
}

/** And Bun's. */
interface PostgresJsTransaction {
  readonly unsafe: Method
  readonly savepoint: Method
}

interface PgliteTransaction {
  readonly query: Method
  readonly exec: Method
  readonly rollback: Method
  readonly closed: boolean
}

interface DrizzleTransaction {
  readonly execute: Method
  readonly $with: Method
  readonly rollback: Method
}

interface KyselyTransaction {
  readonly executeQuery: Method
  readonly isTransaction: true
}

/** The client itself differs in that it can connect. */
interface PrismaTransaction {
  readonly $queryRawUnsafe: Method
  readonly $connect?: undefined
}

interface KnexTransaction {
  readonly raw: Method
  readonly isCompleted: Method
}

/** Whether it is in a transaction its type does not tell. */
interface TypeormManager {
  readonly queryRunner?: unknown
  readonly query: Method
  readonly getRepository: Method
  readonly createQueryRunner?: undefined
}

interface TypeormRunner {
  readonly query: Method
  readonly isTransactionActive: boolean
}

/** Whether it is in a transaction its type does not tell. */
interface MikroOrmManager {
  readonly isInTransaction: Method
  readonly getTransactionContext: Method
}

interface SequelizeTransaction {
  readonly commit: Method
  readonly rollback: Method
  readonly afterCommit: Method
}
