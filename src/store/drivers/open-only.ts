import { KongTaskError } from '../../core/errors.ts'
import type { Queryable } from '../db.ts'
import { rowsOf } from './rows-of.ts'

/** The error for a transaction that knows of its own end. */
export function hasEnded(driver: string, cause?: unknown): KongTaskError {
  return new KongTaskError(
    'KT_NOT_A_TRANSACTION',
    `with(tx): this ${driver} transaction is not open any more. Add jobs before it commits, and await them: a call that nobody awaits may come too late.`,
    cause === undefined ? undefined : { cause },
  )
}

/** For drivers that refuse a transaction that has ended by an error of their own. */
export async function endingAsOurs<T>(
  driver: string,
  isEnded: (error: Error) => boolean,
  work: () => PromiseLike<T>,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof Error && isEnded(error)) throw hasEnded(driver, error)
    throw error
  }
}

// PostgreSQL refuses it (25P01) where no transaction is open, and it does no harm where one is: it waits for nobody,
// everybody may, and unlike a savepoint it is one statement, which is a round trip and not two.
const ONLY_IN_A_TRANSACTION = 'lock table pg_catalog.pg_namespace in access share mode'

/**
 * For drivers that cannot tell: after the end such a connection would write outside of any transaction, or in one of
 * somebody else. So the database is asked, a round trip for each statement.
 */
export function askingTheDatabase(
  run: (text: string, values: readonly unknown[]) => PromiseLike<unknown>,
): Queryable {
  return {
    query: async (text, values) => {
      await run(ONLY_IN_A_TRANSACTION, [])
      return rowsOf(await run(text, values))
    },
  }
}
