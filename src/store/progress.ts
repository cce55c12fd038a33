import type { Lease } from '../core/lease.ts'
import type { Queryable } from './db.ts'
import { storeProgress as statement } from './statements.generated.ts'
import { runStatement } from './statement.ts'

/** How far a job is. */
export interface ReportedProgress {
  readonly id: string
  readonly queueId: number
  readonly lease: Lease
  /** Milliseconds since it was said. */
  readonly age: number
  readonly done: number
  readonly total: number
  readonly note: string | undefined
}

/** Each job once. What is said of a job that another process has by now is passed over. */
export async function storeProgress(
  db: Queryable,
  schema: string,
  reports: readonly ReportedProgress[],
): Promise<void> {
  const entries = reports.map(({ queueId: queue, lease, ...report }) => ({ ...report, ...lease, queue }))
  await runStatement(db, schema, statement, { entries: JSON.stringify(entries) })
}
