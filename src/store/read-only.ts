import type { Database } from './database.ts'
import type { Queryable } from './db.ts'
import { runStatement } from './statement.ts'
import { doctorReadOnly } from './statements.generated.ts'

/**
 * The same database for who must not write: each statement is a transaction of its own in which the server refuses to, and
 * which it ends when `patience`, in milliseconds, is over.
 */
export function readOnly(database: Pick<Database, 'transaction'>, patience: number): Queryable {
  return {
    query: (text, values) =>
      database.transaction(async (tx) => {
        await runStatement(tx, '', doctorReadOnly, { timeout: String(patience) })
        return tx.query(text, values)
      }),
  }
}
