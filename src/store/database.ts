import type { Queryable } from './db.ts'

/** A row as the database prints it: for the hot path, which parses what it needs itself. */
export type TextRow = readonly (string | null)[]

/** What the engine needs of a driver beyond one statement at a time. Every call but a long transaction ends within its deadline. */
export interface Database extends Queryable {
  /** `name`: as in `query`. */
  queryText(text: string, values: readonly unknown[], name?: string): Promise<readonly TextRow[]>
  /** Several statements without parameters, as a migration is. */
  script(text: string): Promise<void>
  /** Committed when `work` returns, rolled back when it throws. */
  transaction<T>(work: (tx: DatabaseTransaction) => Promise<T>): Promise<T>
  /**
   * The same for as long as it takes: the deadline is for the connection only. When `signal` aborts it is cancelled on the
   * server and rolled back, and rejects with the signal's reason.
   */
  longTransaction<T>(
    work: (tx: DatabaseTransaction) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T>
}

export interface DatabaseTransaction extends Queryable {
  script(text: string): Promise<void>
}
