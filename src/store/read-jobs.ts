import type { Job } from '../core/job.ts'
import type { Queryable } from './db.ts'
import { jobOf } from './rows.ts'
import { listDeadLetters as listStatement, readJob as readStatement } from './statements.generated.ts'
import { runStatement } from './statement.ts'

/** One job in whatever state, or undefined where there is none (any more). */
export async function readJob(db: Queryable, schema: string, id: string): Promise<Job | undefined> {
  const [row] = await runStatement(db, schema, readStatement, { id })
  return row === undefined ? undefined : jobOf(row)
}

/** A page of dead letters, latest first; `after` is the last one of the page before. */
export async function listDeadLetters(
  db: Queryable,
  schema: string,
  limit: number,
  after: Job | undefined,
): Promise<Job[]> {
  const rows = await runStatement(db, schema, listStatement, {
    before_at: after?.finishedAt ?? null,
    before_id: after?.id ?? null,
    limit,
  })
  return rows.map(jobOf)
}
