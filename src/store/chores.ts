import type { Queryable } from './db.ts'
import { runStatement } from './statement.ts'
import { findChores as statement } from './statements.generated.ts'

/** Whether there is something to do. */
export interface DueChores {
  readonly rescue: boolean
  readonly absent: boolean
  readonly sweep: boolean
  readonly park: boolean
  readonly lift: boolean
}

/** With what one look tells beside. */
export interface Chores extends DueChores {
  /** Milliseconds until the next tick of a schedule; absent: there is none. */
  readonly nextTickIn?: number | undefined
  /** Applications of which another declaration of schedules holds than should. */
  readonly unsettled?: readonly string[] | undefined
}

export async function findChores(db: Queryable, schema: string): Promise<Chores> {
  const [row] = await runStatement(db, schema, statement, {})
  if (row === undefined) return { rescue: false, absent: false, sweep: false, park: false, lift: false }
  const { next_tick_in: nextTickIn, unsettled, ...due } = row
  return { ...due, nextTickIn: nextTickIn ?? undefined, unsettled: unsettled ?? undefined }
}
