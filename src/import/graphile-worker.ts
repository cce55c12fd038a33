// graphile-worker 0.18. Its `queue_name` makes jobs run one at a time: our serialKey. Its job key is our uniqueKey.
import type { LastError } from '../core/job-line.ts'
import { storableText } from '../core/storable-text.ts'
import type { RowOf } from '../store/statement.ts'
import type { ForeignJob } from './foreign-job.ts'
import { priorityOf } from './foreign-priority.ts'
import { ask, checkTables, type ForeignTables } from './foreign-tables.ts'
import type { Source } from './source.ts'
import {
  graphileWorkerCountJobs,
  graphileWorkerListCrontabs,
  graphileWorkerRemoveJobs,
  graphileWorkerTakeJobs,
  graphileWorkerVersion,
} from './statements.generated.ts'

const EXPECTED = {
  table: '_private_jobs',
  version: graphileWorkerVersion,
  from: 16,
  to: 20,
  made: '0.18.0',
}

type Row = RowOf<typeof graphileWorkerTakeJobs>

export function graphileWorker(schema = 'graphile_worker'): Source {
  const tables: ForeignTables = { system: 'graphile-worker', written: 'graphile_worker', schema }
  return {
    name: tables.system,
    schema,
    check: (on) => checkTables(on, tables, EXPECTED),
    countJobs: async (on) => {
      const [row] = await ask(on, tables, graphileWorkerCountJobs, {})
      const { waiting = 0, running = 0, over = 0 } = row ?? {}
      return { waiting: Number(waiting), running: Number(running), over: Number(over) }
    },
    takeJobs: async (on, { since, after, limit, mostText }) => {
      const page = { since, limit, most_text: mostText, ...placeOf(after) }
      const rows = await ask(on, tables, graphileWorkerTakeJobs, page)
      return { jobs: rows.map((row) => jobOf(row, since)), next: rows.at(-1) ?? after }
    },
    removeJobs: async (on, jobs) => {
      await ask(on, tables, graphileWorkerRemoveJobs, { ids: jobs.map(({ id }) => id) })
    },
    takeSchedules: () => Promise.resolve([]),
    removeSchedule: () => Promise.resolve(),
    hints: async (on) => {
      const rows = await ask(on, tables, graphileWorkerListCrontabs, {})
      if (rows.length === 0) return []
      const names = rows.map(({ identifier }) => identifier).join(', ')
      return [
        `Schedules stand in graphile-worker's crontab file, not in the database, which remembers their names only (${names}). KongTask reads that file as it is: \`crontabFile\`, or kongtask work --crontab FILE.`,
      ]
    },
  }
}

interface Place {
  readonly after_due: string | null
  readonly after_priority: number | null
  readonly after_run_at: string | null
  readonly after_id: string | null
}

const START: Place = { after_due: null, after_priority: null, after_run_at: null, after_id: null }

function placeOf(after: unknown): Place {
  if (!isRow(after)) return START
  const { due, priority, run_at_text: runAt, id } = after
  return { after_due: due, after_priority: priority, after_run_at: runAt, after_id: id }
}

/** What is handed back is a row of ours. */
function isRow(value: unknown): value is Row {
  return typeof value === 'object' && value !== null && 'run_at_text' in value
}

function jobOf(row: Row, since: Date): ForeignJob {
  const { id, task, queue, payload, attempts, max_attempts: maxAttempts, key, flags } = row
  const { priority, isExact } = priorityOf(row.priority)
  const serialKey = queue ?? undefined
  const waits = serialKey !== undefined && row.run_at > since
  return {
    id,
    place: [id],
    // Ids begin anew where the schema is made anew.
    key: `${id}@${row.created_at.toISOString()}`,
    task,
    alias: undefined,
    queue: serialKey,
    ownQueue: undefined,
    payload,
    options: {
      scheduledAt: row.run_at,
      priority,
      maxAttempts,
      serialKey,
      uniqueKey: key ?? undefined,
      flags: flagsOf(flags),
    },
    attempt: attempts,
    createdAt: row.created_at,
    error: errorOf(row),
    notes: [
      ...(isExact ? [] : [`priority ${row.priority} has become ${priority}: there are 0 to 15`]),
      ...(waits
        ? [
            'is due later, and here keeps waiting what is added behind it with its serial key (its queue there)',
          ]
        : []),
    ],
    obstacle: undefined,
  }
}

function flagsOf(flags: unknown): readonly string[] | undefined {
  return typeof flags === 'object' && flags !== null ? Object.keys(flags) : undefined
}

function errorOf({ last_error: message, updated_at: at }: Row): LastError | undefined {
  if (message === null) return undefined
  return { name: 'Error', message: storableText(message, 10_000), at: at.toISOString() }
}
