import type { NewJobOptions } from '../core/new-job.ts'
import type { Queryable } from './db.ts'
import { publish as statement, readNames } from './statements.generated.ts'
import { runStatement } from './statement.ts'

/** The numbers that stand for names in this database. */
export interface Names {
  readonly tasks: ReadonlyMap<string, number>
  readonly queues: ReadonlyMap<string, number>
}

/** Tells the database what a runner knows and serves: its tasks, with their contracts' defaults where there is one. `queues: null` serves all and creates none. */
export async function publish(
  db: Queryable,
  schema: string,
  tasks: Readonly<Record<string, NewJobOptions | null>>,
  queues: readonly string[] | null,
): Promise<Names> {
  const rows = await runStatement(db, schema, statement, { tasks: JSON.stringify(tasks), queues })
  const numbers = (kind: string): Map<string, number> =>
    new Map(rows.filter((row) => row.kind === kind).map((row) => [row.name, row.id]))
  return { tasks: numbers('task'), queues: numbers('queue') }
}

/** Number to name of every queue that exists now. */
export async function readQueueNames(db: Queryable, schema: string): Promise<ReadonlyMap<number, string>> {
  const rows = await runStatement(db, schema, readNames, {})
  return new Map(rows.map((row) => [row.id, row.name]))
}
