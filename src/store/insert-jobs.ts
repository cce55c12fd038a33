import type { AddedJob, NewJob } from '../core/new-job.ts'
import type { Queryable } from './db.ts'
import { insertJobs as statement } from './statements.generated.ts'
import { runStatement } from './statement.ts'

/** Adds jobs in one statement, on whatever connection is given: all or none. Results in the order of `jobs`. */
export async function insertJobs(
  db: Queryable,
  schema: string,
  jobs: readonly NewJob[],
): Promise<AddedJob[]> {
  const rows = await runStatement(db, schema, statement, { jobs: `[${jobs.map(entryText).join(',')}]` })
  return rows.map(({ id, status }) => ({ id, status: statusOf(status) }))
}

/** The payload is JSON text already and goes in as it is; taking it apart again would only cost time. */
function entryText({ payload, retain, ...rest }: NewJob): string {
  const entry = JSON.stringify({
    ...rest,
    ...(retain === undefined ? {} : { retain: retain === false ? 0 : retain }),
  })
  return `${entry.slice(0, -1)},"payload":${payload}}`
}

function statusOf(status: string): AddedJob['status'] {
  if (status === 'added' || status === 'skipped' || status === 'replaced') return status
  throw new TypeError(`insert_jobs answered with the status "${status}"`)
}
