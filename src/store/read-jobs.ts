import type { Job } from '../core/job.ts'
import type { Queryable } from './db.ts'
import { jobOf } from './rows.ts'
import { readJob as readStatement } from './statements.generated.ts'
import { runStatement } from './statement.ts'

/** One job in whatever state, or undefined where there is none (any more). */
export async function readJob(db: Queryable, schema: string, id: string): Promise<Job | undefined> {
  const [row] = await runStatement(db, schema, readStatement, { id })
  return row === undefined ? undefined : jobOf(row)
}
