import type { CheckedFilter } from '../core/job-filter.ts'
import { JOB_LINE_FORMAT } from '../core/job-line.ts'
import type { JobState } from '../core/job.ts'
import type { JsonObject } from '../core/json.ts'
import type { Queryable } from './db.ts'
import { errorsOf, recordOf } from './rows.ts'
import { exportEndedJobs, exportLiveJobs, readInSnapshot } from './statements.generated.ts'
import { runStatement, type RowOf } from './statement.ts'

/** What is read at once: jobs, and bytes of payloads, the last of which may go beyond. */
const PAGE = { limit: 500, most_text: 4 * 1024 * 1024 }
/** What `retain` is where nothing is said, in seconds. */
const RETAINED = 86_400
/** Of what a job has beside its columns, what goes with it, under the names that it has outside. */
const EXTRAS = [
  'uniqueKey',
  'serialKey',
  'concurrency',
  'rateLimit',
  'timeout',
  'tags',
  'flags',
  'metadata',
  'version',
  'encryptionKey',
]

type LiveRow = RowOf<typeof exportLiveJobs>
type EndedRow = RowOf<typeof exportEndedJobs>

/** Jobs of one state of affairs, page by page, as lines without ends. On a transaction that has done nothing yet. */
export async function* exportJobs(
  db: Queryable,
  schema: string,
  from: string,
  filter: CheckedFilter,
): AsyncGenerator<readonly string[], void> {
  await runStatement(db, schema, readInSnapshot, {})
  const { states } = filter
  const asksFor = (...some: readonly JobState[]): boolean =>
    states === undefined || some.some((state) => states.includes(state))
  const text = JSON.stringify(filter)
  if (asksFor('scheduled', 'ready', 'running')) {
    let after: Pick<LiveRow, 'queue_id' | 'id'> | undefined = { queue_id: 0, id: '0' }
    while (after !== undefined) {
      const rows: LiveRow[] = await runStatement(db, schema, exportLiveJobs, {
        filter: text,
        after_queue: after.queue_id,
        after_id: after.id,
        ...PAGE,
      })
      if (rows.length > 0) yield rows.map((row) => lineOf(from, row))
      after = rows.at(-1)
    }
  }
  const [dead, kept] = [asksFor('dead'), asksFor('completed', 'cancelled')]
  let after: string | undefined = dead || kept ? '0' : undefined
  while (after !== undefined) {
    const rows: EndedRow[] = await runStatement(db, schema, exportEndedJobs, {
      filter: text,
      dead,
      kept,
      after_id: after,
      ...PAGE,
    })
    if (rows.length > 0) yield rows.map((row) => lineOf(from, row, row.finished_at))
    after = rows.at(-1)?.id
  }
}

function lineOf(from: string, row: LiveRow | EndedRow, finishedAt?: Date): string {
  const extras = recordOf(row.extras)
  const last = errorsOf(row.errors).at(-1)
  const text = JSON.stringify({
    format: JOB_LINE_FORMAT,
    from,
    id: row.id,
    task: row.task,
    queue: row.queue,
    state: row.state,
    priority: row.priority,
    attempt: row.attempt,
    maxAttempts: row.max_attempts,
    scheduledAt: row.run_at,
    createdAt: row.created_at,
    finishedAt,
    retain: retainOf(extras, row.retain_s),
    ...Object.fromEntries(EXTRAS.map((name) => [name, extras[name]])),
    error: last && { name: last.name, message: last.message, at: last.at },
  })
  // The payload is text already, with numbers in it that JavaScript may not be able to tell.
  return `${text.slice(0, -1)},"payload":${row.payload}}`
}

/** @param seconds for which it is kept when it is over; null where nobody knows any more */
function retainOf({ retain }: JsonObject, seconds: number | null): object | undefined {
  const isSaid = seconds !== null && seconds !== RETAINED
  const whole = {
    ...(isSaid ? { finished: seconds === 0 ? false : seconds * 1_000 } : {}),
    ...recordOf(retain),
  }
  return Object.keys(whole).length === 0 ? undefined : whole
}
