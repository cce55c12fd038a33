import type { Queryable } from './db.ts'
import {
  detachHistoryDay,
  dropHistoryDay,
  extendHistory as extendStatement,
  finalizeHistoryDay,
  pruneOverflow as pruneStatement,
  readExpiredDays,
  takeTurn as takeTurnStatement,
} from './statements.generated.ts'
import { runStatement, type Statement } from './statement.ts'

const OVERFLOW_BATCH = 5_000

/** Whether it is this process that does the chore now; nobody else gets it for `every` milliseconds. */
export async function takeTurn(
  db: Queryable,
  schema: string,
  chore: string,
  every: number,
): Promise<boolean> {
  const [row] = await runStatement(db, schema, takeTurnStatement, { chore, every })
  return row?.taken === true
}

/** Adds the days that are missing up to a fortnight ahead. Returns how many. */
export async function extendHistory(db: Queryable, schema: string): Promise<number> {
  const [row] = await runStatement(db, schema, extendStatement, {})
  return row?.added ?? 0
}

/** Forgets the days that are over. Each step stands alone, so an interrupted run is finished by the next one. */
export async function dropExpiredDays(db: Queryable, schema: string): Promise<number> {
  const days = await runStatement(db, schema, readExpiredDays, {})
  for (const { day, attached, pending } of days) {
    if (pending) await runStatement(db, schema, onDay(finalizeHistoryDay, day), {})
    else if (attached) await runStatement(db, schema, onDay(detachHistoryDay, day), {})
    await runStatement(db, schema, onDay(dropHistoryDay, day), {})
  }
  return days.length
}

/** Forgets one batch of the overflow. Returns how many jobs, and whether there may be more. */
export async function pruneOverflow(
  db: Queryable,
  schema: string,
): Promise<{ readonly pruned: number; readonly more: boolean }> {
  const [row] = await runStatement(db, schema, pruneStatement, { limit: OVERFLOW_BATCH })
  const pruned = Number(row?.pruned ?? 0)
  return { pruned, more: pruned === OVERFLOW_BATCH }
}

function onDay<P, R>(statement: Statement<P, R>, day: string): Statement<P, R> {
  if (!/^\d{8}$/.test(day)) throw new TypeError(`"${day}" is no day of history`)
  return { ...statement, text: statement.text.replaceAll('00000000', day) }
}
