import type { DeadLetterGroup } from '../core/dead-letter-group.ts'
import type { CheckedFilter } from '../core/job-filter.ts'
import type { Job } from '../core/job.ts'
import type { Queryable } from './db.ts'
import { jobOf } from './rows.ts'
import {
  groupDeadLetters as groupStatement,
  listJobs as listStatement,
  walkJobs as walkStatement,
} from './statements.generated.ts'
import { runStatement } from './statement.ts'

/** How far to look at once. */
export interface Reach {
  /** Only ids below this one; undefined: from the newest. */
  readonly before: string | undefined
  /** Jobs to find, at the most. */
  readonly limit: number
  /** Rows to look at, at the most. */
  readonly scan: number
}

export interface Found {
  /** `before` of the next look; undefined: there is nothing left. */
  readonly next: string | undefined
  /** Rows that were looked at. */
  readonly scanned: number
}

/** Jobs by id and by the number of their queue, index by index. */
export interface FoundIds extends Found {
  readonly ids: readonly string[]
  readonly queues: readonly number[]
}

export interface FoundJobs extends Found {
  readonly jobs: readonly Job[]
}

export interface DeadLetterGroups {
  /** The most frequent first; a thousand at the most. */
  readonly groups: readonly DeadLetterGroup[]
  /** Dead letters that were looked at. */
  readonly scanned: number
}

/** The ids of jobs that fit, newest first. */
export async function walkJobs(
  db: Queryable,
  schema: string,
  filter: CheckedFilter,
  { before, limit, scan }: Reach,
): Promise<FoundIds> {
  const [row] = await runStatement(db, schema, walkStatement, {
    filter: JSON.stringify(filter),
    before: before ?? null,
    limit,
    scan,
  })
  if (row === undefined) throw new TypeError('walk_jobs returned no row')
  const { ids, queues, next, scanned } = row
  return { ids, queues, next: next ?? undefined, scanned }
}

/** Jobs that fit, newest first, as they are in one moment. */
export async function listJobs(
  db: Queryable,
  schema: string,
  filter: CheckedFilter,
  { before, limit, scan }: Reach,
): Promise<FoundJobs> {
  const rows = await runStatement(db, schema, listStatement, {
    filter: JSON.stringify(filter),
    before: before ?? null,
    limit,
    scan,
  })
  const [first] = rows
  if (first === undefined) throw new TypeError('list_jobs returned no row')
  return {
    jobs: rows.flatMap((row) => (isFound(row) ? [jobOf(row)] : [])),
    next: first.next ?? undefined,
    scanned: first.scanned,
  }
}

type Row = NonNullable<(typeof listStatement)['row']>
type NotNull<T> = { readonly [K in keyof T]: Exclude<T[K], null> }
type FoundRow = Row &
  NotNull<Omit<Row, 'next' | 'scanned' | 'finished_at' | 'payload' | 'extras' | 'errors' | 'result'>>

/** A page without jobs is one row without any. */
function isFound(row: Row): row is FoundRow {
  return row.id !== null
}

/** The troubles behind the latest dead letters, the most frequent first, and how many letters were looked at. */
export async function groupDeadLetters(
  db: Queryable,
  schema: string,
  filter: CheckedFilter,
  scan: number,
): Promise<DeadLetterGroups> {
  const rows = await runStatement(db, schema, groupStatement, { filter: JSON.stringify(filter), scan })
  return {
    groups: rows.map(({ task, error, letters, first_at, last_at, example, message }) => ({
      task,
      error,
      count: Number(letters),
      firstAt: first_at,
      lastAt: last_at,
      example,
      message,
    })),
    scanned: Number(rows[0]?.looked ?? 0),
  }
}
