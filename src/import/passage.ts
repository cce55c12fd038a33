import type { Pool } from 'pg'
import type { Queryable } from '../store/db.ts'
import { openTransaction } from '../store/open-transaction.ts'

/** From where to where. */
export interface Way {
  readonly here: Pool
  /** The same pool as `here` where both are in one database. */
  readonly there: Pool
  /** Nothing is to remain of it. */
  readonly dryRun: boolean
}

export interface Brought<T> {
  readonly result: T
  /** Takes away there what is here now. */
  readonly remove: (there: Queryable) => Promise<void>
}

/** Milliseconds for each statement. */
const DEADLINE = 60_000

/**
 * Brings something here and takes it away there. In one database that is one transaction. In two it is one in each: what was
 * locked there stays so until it is here for good; who dies in between leaves it in both, and the next passage, which sees
 * that it is here, takes it away there.
 */
export async function passage<T>(
  { here, there, dryRun }: Way,
  bring: (here: Queryable, there: Queryable) => Promise<Brought<T>>,
): Promise<T> {
  const into = await openTransaction(here, DEADLINE)
  let from = into
  try {
    if (there !== here) from = await openTransaction(there, DEADLINE)
    const { result, remove } = await bring(into, from)
    if (dryRun) return result
    if (from !== into) await into.commit()
    await remove(from)
    await from.commit()
    return result
  } finally {
    // Of what is committed, nothing.
    await from.rollback()
    await into.rollback()
  }
}
