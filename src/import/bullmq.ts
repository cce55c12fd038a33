// BullMQ 6 on PostgreSQL. Its queue is our queue, the name of its job our task.
import { isPlainObject, type PlainObject } from '../core/plain-object.ts'
import { showText, showValue } from '../core/show-value.ts'
import { storableText } from '../core/storable-text.ts'
import type { RowOf } from '../store/statement.ts'
import type { ForeignJob, ForeignSchedule } from './foreign-job.ts'
import { priorityOf } from './foreign-priority.ts'
import { ask, checkTables, type ForeignTables } from './foreign-tables.ts'
import type { Source } from './source.ts'
import {
  bullmqCountJobs,
  bullmqRemoveJobs,
  bullmqRemoveSchedule,
  bullmqTakeJobs,
  bullmqTakeSchedules,
  bullmqVersion,
} from './statements.generated.ts'

const EXPECTED = { table: 'job', version: bullmqVersion, from: 1, to: 11, made: '6.7.0' }

type Row = RowOf<typeof bullmqTakeJobs>
type ScheduleRow = RowOf<typeof bullmqTakeSchedules>

export function bullmq(schema = 'bullmq'): Source {
  const tables: ForeignTables = { system: 'bullmq', written: 'bullmq', schema }
  return {
    name: tables.system,
    schema,
    check: (on) => checkTables(on, tables, EXPECTED),
    countJobs: async (on) => {
      const [row] = await ask(on, tables, bullmqCountJobs, {})
      const { waiting = 0, running = 0, over = 0 } = row ?? {}
      return { waiting: Number(waiting), running: Number(running), over: Number(over) }
    },
    takeJobs: async (on, { since, after, limit, mostText }) => {
      const rows = await ask(on, tables, bullmqTakeJobs, {
        since_ms: String(since.getTime()),
        limit,
        most_text: mostText,
        ...placeOf(after),
      })
      return { jobs: rows.map(jobOf), next: rows.at(-1) ?? after }
    },
    removeJobs: async (on, jobs) => {
      const places = jobs.map(({ place: [queue = '', id = ''] }) => ({ queue, id }))
      await ask(on, tables, bullmqRemoveJobs, {
        queues: places.map(({ queue }) => queue),
        ids: places.map(({ id }) => id),
      })
    },
    takeSchedules: async (on, now) =>
      (await ask(on, tables, bullmqTakeSchedules, {})).map((row) => scheduleOf(row, now)),
    removeSchedule: async (on, { place: [queue = '', id = ''] }) => {
      await ask(on, tables, bullmqRemoveSchedule, { queue, scheduler_id: id })
    },
    hints: () => Promise.resolve([]),
  }
}

interface Place {
  readonly after_due_ms: string | null
  readonly after_priority: number | null
  readonly after_seq: string | null
  readonly after_queue: string | null
}

const START: Place = { after_due_ms: null, after_priority: null, after_seq: null, after_queue: null }

function placeOf(after: unknown): Place {
  if (!isRow(after)) return START
  const { due_ms: due, priority, seq, queue } = after
  return { after_due_ms: due, after_priority: priority, after_seq: seq, after_queue: queue }
}

/** What is handed back is a row of ours. */
function isRow(value: unknown): value is Row {
  return typeof value === 'object' && value !== null && 'due_ms' in value
}

function jobOf(row: Row): ForeignJob {
  const { queue, id, name, attempts_made: attempt, dedup_id: dedupId } = row
  const opts = isPlainObject(row.opts) ? row.opts : {}
  const { priority, isExact } = priorityOf(row.priority)
  const until = row.dedup_until_ms === null ? undefined : new Date(Number(row.dedup_until_ms))
  return {
    id: `${queue}:${id}`,
    place: [queue, id],
    // Ids begin anew where a queue is obliterated.
    key: `${queue}:${id}@${row.added_at_ms}`,
    task: name,
    alias: `${queue}/${name}`,
    queue,
    ownQueue: queue,
    payload: row.data,
    options: {
      ...(row.state === 'delayed' && row.process_at_ms !== null
        ? { scheduledAt: new Date(Number(row.process_at_ms)) }
        : {}),
      priority,
      maxAttempts: Math.max(row.max_attempts, attempt + 1),
      uniqueKey: dedupId ?? undefined,
      ...retentionOf(opts),
    },
    attempt,
    createdAt: new Date(Number(row.added_at_ms)),
    error:
      row.failed_reason === null
        ? undefined
        : {
            name: 'Error',
            message: storableText(row.failed_reason, 10_000),
            at: new Date(Number(row.processed_at_ms ?? row.added_at_ms)).toISOString(),
          },
    notes: [
      ...(isExact ? [] : [`priority ${row.priority} has become ${priority}: there are 0 to 15`]),
      ...(until === undefined
        ? []
        : ['kept others out for a time (deduplication ttl); now it does so as long as it is not over']),
      ...unknownOf(opts),
    ],
    obstacle:
      row.is_child || row.state === 'waiting-children'
        ? 'it is part of a flow: finish those there, or add them again with a handler that adds the next'
        : undefined,
  }
}

/** Options that are read from columns, are said by others, or are about BullMQ alone. */
const KNOWN: ReadonlySet<string> = new Set([
  'attempts',
  'delay',
  'priority',
  'timestamp',
  'jobId',
  'deduplication',
  'de',
  'debounce',
  'removeOnComplete',
  'repeat',
  'repeatJobKey',
  'prevMillis',
  'keepLogs',
  'kl',
  'stackTraceLimit',
  'sizeLimit',
  'telemetry',
  'tm',
  'omc',
])

/** Only the order says what came last, and that is kept. */
const WHY: Readonly<Record<string, string>> = {
  backoff: '; see `backoff` of the task',
  removeOnFail: '; see `retain` of the task: dead letters are kept until they are redriven or purged',
  lifo: '; what waits keeps its place, what is added later goes behind it',
}

function unknownOf(opts: PlainObject): readonly string[] {
  return Object.entries(opts).flatMap(([option, value]) =>
    KNOWN.has(option) || value === null || value === false
      ? []
      : [`had the option ${option}: ${showValue(value)}${WHY[option] ?? ''}`],
  )
}

function retentionOf({ removeOnComplete: keep }: PlainObject): PlainObject {
  if (keep === true || keep === 0) return { retain: false }
  if (isPlainObject(keep) && typeof keep['age'] === 'number') return { retain: keep['age'] * 1_000 }
  return {}
}

function scheduleOf(row: ScheduleRow, now: Date): ForeignSchedule {
  const { queue, scheduler_id: id, name, pattern, every_ms: every, tz } = row
  const next = row.next_run_ms === null ? undefined : new Date(Number(row.next_run_ms))
  const opts = isPlainObject(row.template_opts) ? row.template_opts : {}
  const { priority, attempts } = opts
  return {
    place: [queue, id],
    name: id,
    task: name ?? id,
    alias: `${queue}/${name ?? id}`,
    queue,
    ownQueue: queue,
    expression: pattern ?? `@every ${every ?? '0'}ms`,
    planned: row.is_planned ? next : undefined,
    payload: row.template_data ?? '{}',
    options: {
      tz: tz ?? 'UTC',
      ...(typeof priority === 'number' ? { priority: priorityOf(priority).priority } : {}),
      maxAttempts: typeof attempts === 'number' ? Math.max(attempts, 1) : 1,
      ...retentionOf(opts),
    },
    notes: [...shiftOf(row), ...unknownOf(opts)],
    obstacle: whyNot(row, now),
  }
}

/** There, an interval is counted from when its scheduler began. */
function shiftOf({ every_ms: every, next_run_ms: next }: ScheduleRow): readonly string[] {
  const shift = every === null || next === null ? 0 : Number(next) % Number(every)
  if (shift === 0) return []
  return [`came ${shift} ms after each whole interval; here it comes at whole intervals, counted from 1970`]
}

function whyNot(row: ScheduleRow, now: Date): string | undefined {
  const { limit_count: limit, start_date_ms: start, end_date_ms: end } = row
  if (limit !== null) return `it comes ${limit} times only, and a schedule here has no end`
  if (end !== null)
    return `it ends at ${showText(new Date(Number(end)).toISOString())}, and a schedule here has no end`
  if (start !== null && Number(start) > now.getTime())
    return `it begins at ${showText(new Date(Number(start)).toISOString())}, and a schedule here begins at once`
  return undefined
}
