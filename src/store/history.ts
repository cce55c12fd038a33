import type { Queryable } from './db.ts'
import {
  detachDay,
  dropDay,
  extendDays as extendStatement,
  finalizeDay,
  pruneOverflow as pruneStatement,
  readExpiredDays,
  takeTurn as takeTurnStatement,
  withdrawDay,
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

/** Adds the days that are missing up to 35 days ahead, of every table that has days. Returns how many. */
export async function extendDays(db: Queryable, schema: string): Promise<number> {
  const [row] = await runStatement(db, schema, extendStatement, {})
  return row?.added ?? 0
}

/** Forgets the days that are over. Each step stands alone, so an interrupted run is finished by the next one. */
export async function dropExpiredDays(db: Queryable, schema: string): Promise<number> {
  const days = await runStatement(db, schema, readExpiredDays, {})
  for (const { daily, day, attached, pending } of days) {
    if (pending) await runStatement(db, schema, onDay(finalizeDay, daily, day), {})
    else if (attached) {
      await runStatement(db, schema, withdrawDay, { daily, day })
      await runStatement(db, schema, onDay(detachDay, daily, day), {})
    }
    await runStatement(db, schema, onDay(dropDay, daily, day), {})
  }
  return days.length
}

/** Forgets a batch of what there were no days for. Returns how many jobs, and whether there may be more. */
export async function pruneOverflow(
  db: Queryable,
  schema: string,
): Promise<{ readonly pruned: number; readonly more: boolean }> {
  const [row] = await runStatement(db, schema, pruneStatement, { limit: OVERFLOW_BATCH })
  const { jobs, letters } = row ?? { jobs: 0, letters: 0 }
  return { pruned: jobs + letters, more: jobs === OVERFLOW_BATCH || letters === OVERFLOW_BATCH }
}

function onDay<P, R>(statement: Statement<P, R>, daily: string, day: string): Statement<P, R> {
  if (!/^[a-z_]+$/.test(daily) || !/^\d{8}$/.test(day))
    throw new TypeError(`"${daily}_${day}" is no day of a table`)
  return { ...statement, text: statement.text.replaceAll('daily', daily).replaceAll('00000000', day) }
}
