import type { LastError } from '../core/job-line.ts'
import type { NewJob } from '../core/new-job.ts'
import type { Queryable } from './db.ts'
import { Kinds } from './insert-jobs.ts'
import { databaseIdentity, importJobs as jobsStatement } from './statements.generated.ts'
import { runStatement } from './statement.ts'

/** A job that has lived elsewhere. */
export interface ImportedJob {
  readonly job: NewJob
  /** What it was called there: it comes once. Undefined: as often as somebody brings it. */
  readonly key: string | undefined
  /** Attempts that it has had. */
  readonly attempt: number
  /** ISO 8601, in UTC. */
  readonly createdAt: string | undefined
  readonly error: LastError | undefined
}

/** What became of one: `imported`: it came before; `skipped`: a job here has its unique key. */
export interface ImportedAs {
  readonly status: 'added' | 'imported' | 'skipped'
  /** Of the job here; undefined where it came before and nobody knows any more. */
  readonly id: string | undefined
}

/** Adds jobs in one statement: all or none. Results in the order of `jobs`. */
export async function importJobs(
  db: Queryable,
  schema: string,
  source: string,
  jobs: readonly ImportedJob[],
): Promise<ImportedAs[]> {
  const kinds = new Kinds()
  const kind = jobs.map(({ job }) => kinds.numberOf(job))
  const rows = await runStatement(db, schema, jobsStatement, {
    source,
    kinds: `[${kinds.texts.join(',')}]`,
    kind: kinds.texts.length === 1 ? null : `{${kind.join(',')}}`,
    payloads: `[${jobs.map(({ job }) => job.payload).join(',')}]`,
    facts: JSON.stringify(jobs.map(factsOf)),
  })
  return rows.map(({ id, status }) => ({ id: id ?? undefined, status: statusOf(status) }))
}

function factsOf({ key, attempt, createdAt, error }: ImportedJob): object {
  return { key, attempt: attempt === 0 ? undefined : attempt, createdAt, error }
}

function statusOf(status: string): ImportedAs['status'] {
  if (status === 'added' || status === 'imported' || status === 'skipped') return status
  throw new TypeError(`import_jobs answered with the status "${status}"`)
}

/** Which database a connection leads to, by whatever name it was reached. */
export async function readIdentity(db: Queryable): Promise<string> {
  const [row] = await runStatement(db, 'kongtask', databaseIdentity, {})
  if (row === undefined) throw new TypeError('database_identity returned no row')
  return row.identity
}
