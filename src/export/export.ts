// Front door: jobs as lines of text, each with all that is needed to add it elsewhere (core/job-line.ts). Reads in one
// snapshot and changes nothing; holds one page at a time.
import { explained } from '../client/explained.ts'
import { readJobFilter, type JobFilter } from '../core/job-filter.ts'
import { checkSchemaName } from '../core/names.ts'
import { openPool } from '../store/drivers/node-postgres.ts'
import { exportJobs } from '../store/export-jobs.ts'
import { readIdentity } from '../store/import-jobs.ts'
import { openTransaction } from '../store/open-transaction.ts'
import { pgDatabase } from '../store/pg-database.ts'
import { createStore } from '../store/store.ts'

export interface ExportOptions {
  readonly connectionString: string
  /** Of our tables. @default kongtask */
  readonly schema?: string | undefined
  /** Which jobs; states that are not named are those that wait: `scheduled` and `ready`. */
  readonly filter: JobFilter
  readonly signal?: AbortSignal | undefined
}

/** Milliseconds for each page. */
const DEADLINE = 60_000

/**
 * Jobs that fit, a page of lines at a time, those that were added first before the others of their queue. What is encrypted
 * stays so.
 *
 * @throws KT_NOT_MIGRATED, as `kong.jobs.list` does, and what the database says
 */
export async function* exportLines(options: ExportOptions): AsyncGenerator<readonly string[], void> {
  const { connectionString, signal } = options
  const schema = checkSchemaName(options.schema ?? 'kongtask')
  const filter = readJobFilter({ state: ['scheduled', 'ready'], ...options.filter }, 'export')
  const pool = openPool(connectionString)
  try {
    const database = pgDatabase(pool, DEADLINE)
    await explained(createStore(database, schema).checkSchema())
    const from = `kongtask:${await explained(readIdentity(database))}/${schema}`
    const transaction = await explained(openTransaction(pool, DEADLINE))
    try {
      const pages = exportJobs(transaction, schema, from, filter)
      for (;;) {
        signal?.throwIfAborted()
        const page = await explained(pages.next())
        if (page.done === true) return
        yield page.value
      }
    } finally {
      await transaction.rollback()
    }
  } finally {
    await pool.end()
  }
}
