import { LOG_LEVELS, type JobLog, type LogLevel } from '../core/job-log.ts'
import type { Queryable } from './db.ts'
import { recordOf } from './rows.ts'
import { readLogs as readStatement, storeLogs as storeStatement } from './statements.generated.ts'
import { runStatement } from './statement.ts'

/** A line to be kept. */
export interface LoggedLine {
  readonly job: string
  readonly attempt: number
  readonly level: LogLevel
  readonly message: string
  /** JSON text of an object. */
  readonly fields: string | undefined
  /** Milliseconds since it was logged. */
  readonly age: number
  /** Milliseconds from now on. */
  readonly keep: number
}

export async function storeLogs(db: Queryable, schema: string, lines: readonly LoggedLine[]): Promise<void> {
  await runStatement(db, schema, storeStatement, { lines: `[${lines.map(lineText).join(',')}]` })
}

function lineText({ fields, level, ...line }: LoggedLine): string {
  const text = JSON.stringify({ ...line, level: LOG_LEVELS.indexOf(level) })
  return fields === undefined ? text : `${text.slice(0, -1)},"fields":${fields}}`
}

/** Which lines of a job. */
export interface LogPage {
  readonly attempt: number | undefined
  /** The line in front of the first one. */
  readonly after: string | undefined
  readonly limit: number
}

export async function readLogs(
  db: Queryable,
  schema: string,
  job: string,
  { attempt, after, limit }: LogPage,
): Promise<JobLog[]> {
  const rows = await runStatement(db, schema, readStatement, {
    job,
    attempt: attempt ?? null,
    after: after ?? '0',
    limit,
  })
  return rows.map(({ level, fields, ...row }) => ({
    ...row,
    level: LOG_LEVELS[level] ?? 'error',
    fields: recordOf(fields),
  }))
}
