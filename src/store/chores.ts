import type { Queryable } from './db.ts'
import { runStatement } from './statement.ts'
import { findChores as statement } from './statements.generated.ts'

/** Whether there is something to do. */
export interface DueChores {
  readonly rescue: boolean
  readonly sweep: boolean
  readonly park: boolean
  readonly lift: boolean
}

export async function findChores(db: Queryable, schema: string): Promise<DueChores> {
  const [row] = await runStatement(db, schema, statement, {})
  return row ?? { rescue: false, sweep: false, park: false, lift: false }
}
