import type { ErrorCause } from '../core/job.ts'
import type { Json } from '../core/json.ts'
import type { Queryable } from './db.ts'
import { causeOf } from './rows.ts'
import { readEnds as statement } from './statements.generated.ts'
import { runStatement } from './statement.ts'

/** How a job ended. */
export type JobEnd =
  | { readonly state: 'completed'; readonly result: Json | undefined }
  | { readonly state: 'dead'; readonly reason: string; readonly error: ErrorCause | undefined }
  | { readonly state: 'cancelled'; readonly reason: string }
  /** There is no such job: it never was, was deleted, or what was kept of it has expired. */
  | { readonly state: 'gone' }

/** The ends of those of these jobs that are not live. */
export async function readEnds(
  db: Queryable,
  schema: string,
  ids: readonly string[],
): Promise<ReadonlyMap<string, JobEnd>> {
  const rows = await runStatement(db, schema, statement, { ids })
  return new Map(rows.map((row) => [row.id, endOf(row)]))
}

interface Row {
  readonly state: string
  readonly result: string | null
  readonly reason: string | null
  readonly error: unknown
}

function endOf({ state, result, reason, error }: Row): JobEnd {
  switch (state) {
    case 'completed':
      return { state, result: result === null ? undefined : JSON.parse(result) }
    case 'dead':
      return { state, reason: reason ?? '', error: error === null ? undefined : causeOf(error) }
    case 'cancelled':
      return { state, reason: reason ?? '' }
    default:
      return { state: 'gone' }
  }
}
