// pg-boss 12. What is a queue there is a task here: it is performed by one kind of handler.
import type { LastError } from '../core/job-line.ts'
import type { PlainObject } from '../core/plain-object.ts'
import { isPlainObject } from '../core/plain-object.ts'
import { showText, showValue } from '../core/show-value.ts'
import { storableText } from '../core/storable-text.ts'
import type { RowOf } from '../store/statement.ts'
import type { ForeignJob, ForeignSchedule } from './foreign-job.ts'
import { priorityOf } from './foreign-priority.ts'
import { ask, checkTables, type ForeignTables } from './foreign-tables.ts'
import type { Source } from './source.ts'
import {
  pgBossCountJobs,
  pgBossRemoveJobs,
  pgBossRemoveSchedule,
  pgBossTakeJobs,
  pgBossTakeSchedules,
  pgBossVersion,
} from './statements.generated.ts'

const EXPECTED = { table: 'job', version: pgBossVersion, from: 43, to: 43, made: '12.35.0' }

type Row = RowOf<typeof pgBossTakeJobs>
type ScheduleRow = RowOf<typeof pgBossTakeSchedules>

export function pgBoss(schema = 'pgboss'): Source {
  const tables: ForeignTables = { system: 'pg-boss', written: 'pgboss', schema }
  return {
    name: tables.system,
    schema,
    check: (on) => checkTables(on, tables, EXPECTED),
    countJobs: async (on) => {
      const [row] = await ask(on, tables, pgBossCountJobs, {})
      const { waiting = 0, running = 0, over = 0 } = row ?? {}
      return { waiting: Number(waiting), running: Number(running), over: Number(over) }
    },
    takeJobs: async (on, { since, after, limit, mostText }) => {
      const page = { since, limit, most_text: mostText, ...placeOf(after) }
      const rows = await ask(on, tables, pgBossTakeJobs, page)
      return { jobs: rows.map((row) => jobOf(row, since)), next: rows.at(-1) ?? after }
    },
    removeJobs: async (on, jobs) => {
      const places = jobs.map(({ place: [name = '', id = ''] }) => ({ name, id }))
      await ask(on, tables, pgBossRemoveJobs, {
        names: places.map(({ name }) => name),
        ids: places.map(({ id }) => id),
      })
    },
    takeSchedules: async (on) => (await ask(on, tables, pgBossTakeSchedules, {})).map(scheduleOf),
    removeSchedule: async (on, { place: [name = '', key = ''] }) => {
      await ask(on, tables, pgBossRemoveSchedule, { name, key })
    },
    hints: () => Promise.resolve([]),
  }
}

interface Place {
  readonly after_due: string | null
  readonly after_priority: number | null
  readonly after_created_at: string | null
  readonly after_id: string | null
  readonly after_name: string | null
}

const START: Place = {
  after_due: null,
  after_priority: null,
  after_created_at: null,
  after_id: null,
  after_name: null,
}

function placeOf(after: unknown): Place {
  if (!isRow(after)) return START
  const { due, priority, created_on_text: createdAt, id, name } = after
  return {
    after_due: due,
    after_priority: priority,
    after_created_at: createdAt,
    after_id: id,
    after_name: name,
  }
}

/** What is handed back is a row of ours. */
function isRow(value: unknown): value is Row {
  return typeof value === 'object' && value !== null && 'created_on_text' in value
}

function jobOf(row: Row, since: Date): ForeignJob {
  return row.request === null ? plainJobOf(row, since) : askedJobOf(row, row.request)
}

function plainJobOf(row: Row, since: Date): ForeignJob {
  const { id, name, policy, retry_count: retries, retry_limit: limit, retried } = row
  const { priority, isExact } = priorityOf(-row.priority)
  const attempt = retried ? retries + 1 : 0
  const keys = keysOf(name, policy, row.singleton_key)
  return {
    id,
    ...placeAndKeyOf(row),
    task: name,
    alias: undefined,
    queue: name,
    ownQueue: undefined,
    payload: row.data ?? '{}',
    options: {
      scheduledAt: row.start_after,
      priority,
      // A job that was brought back by hand may have had all its attempts.
      maxAttempts: Math.max(limit + 1, attempt + 1),
      timeout: row.expire_seconds * 1_000,
      ...keys,
    },
    attempt,
    createdAt: row.created_on,
    error: attempt === 0 ? undefined : errorOf(row),
    notes: [
      ...(isExact ? [] : [`priority ${row.priority} has become ${priority}: there are 0 to 15, lower first`]),
      ...(keys['serialKey'] === undefined || row.start_after <= since ? [] : [WAITS]),
      ...notesOf(row),
    ],
    obstacle:
      row.blocked || row.blocking
        ? 'it is part of a flow: finish those there, or add them again with a handler that adds the next'
        : name.startsWith('__pgboss__')
          ? "it is pg-boss's own"
          : undefined,
  }
}

/** Two queues may have jobs of one id, and an id that somebody chose may come again. */
function placeAndKeyOf({ name, id, created_on: createdOn }: Row): Pick<ForeignJob, 'place' | 'key'> {
  return { place: [name, id], key: `${name}/${id}@${createdOn.toISOString()}` }
}

const WAITS = 'is due later, and here keeps waiting what is added behind it with its serial key'

const ONE_AT_A_TIME: ReadonlySet<string> = new Set(['singleton', 'stately', 'key_strict_fifo'])
const ONE_IN_ALL: ReadonlySet<string> = new Set(['short', 'exclusive'])

/**
 * What the policy of its queue makes of the key; without a key it is about the whole queue. Unique keys are of a task here, serial
 * keys are not.
 */
function keysOf(name: string, policy: string | null, key: string | null): PlainObject {
  if (policy !== null && ONE_AT_A_TIME.has(policy))
    return { serialKey: key === null ? name : `${name}:${key}` }
  if (policy !== null && ONE_IN_ALL.has(policy)) return { uniqueKey: key ?? name }
  return key === null ? {} : { metadata: { singletonKey: key } }
}

function notesOf(row: Row): readonly string[] {
  const { policy, retry_delay: delay, retry_backoff: grows } = row
  return [
    ...(policy === 'stately' ? ['was one of its state and key (stately); now they run one at a time'] : []),
    ...(policy === 'short' ? ['was the only one queued (short); now also none is added while it runs'] : []),
    ...(row.throttled ? ['was throttled: what is left of its time slot is not; see `uniqueFor`'] : []),
    ...(row.group_id === null ? [] : [`was in the group ${showText(row.group_id)}; see \`concurrency\``]),
    ...(row.dead_letter === null
      ? []
      : [`would have gone to the dead letter queue ${showText(row.dead_letter)}; here those are one list`]),
    ...(delay === 0 && !grows
      ? []
      : [
          `waited ${delay} s${grows ? ' and longer each time' : ''} for a retry; see \`backoff\` of the task`,
        ]),
  ]
}

function errorOf({ output, start_after: at }: Row): LastError | undefined {
  if (output === null || output === undefined) return undefined
  const { name, message, value } = isPlainObject(output)
    ? output
    : { name: undefined, message: undefined, value: output }
  const text = message ?? value
  return {
    name: typeof name === 'string' ? storableText(name, 200) : 'Error',
    message: storableText(typeof text === 'string' ? text : JSON.stringify(output), 10_000),
    at: at.toISOString(),
  }
}

/** A tick of a schedule that has not become a job yet. */
function askedJobOf(row: Row, request: unknown): ForeignJob {
  const { name, options, defaults } = isPlainObject(request) ? request : {}
  const task = typeof name === 'string' ? name : row.name
  const asked = requestOptions(defaults, options)
  return {
    id: row.id,
    ...placeAndKeyOf(row),
    task,
    alias: undefined,
    queue: task,
    ownQueue: undefined,
    // A schedule without data says null.
    payload: row.data === null || row.data === 'null' ? '{}' : row.data,
    options: { scheduledAt: row.start_after, ...asked.options },
    attempt: 0,
    createdAt: row.created_on,
    error: undefined,
    notes: asked.notes,
    obstacle: undefined,
  }
}

/** Options of pg-boss's `send`, as a schedule keeps them. */
const REQUEST: Readonly<Record<string, (value: unknown) => PlainObject>> = {
  priority: (value) => (typeof value === 'number' ? { priority: priorityOf(-value).priority } : {}),
  retryLimit: (value) => (typeof value === 'number' ? { maxAttempts: value + 1 } : {}),
  expireInSeconds: (value) => (typeof value === 'number' ? { timeout: value * 1_000 } : {}),
  tz: () => ({}),
  key: () => ({}),
  missed: () => ({}),
}

/** @param defaults what the queue says, as far as the options do not */
function requestOptions(
  defaults: unknown,
  options: unknown,
): {
  readonly options: PlainObject
  readonly notes: readonly string[]
} {
  const said = [defaults, options].flatMap((each) => Object.entries(isPlainObject(each) ? each : {}))
  const given = Object.entries(Object.fromEntries(said.filter(([, value]) => value !== null)))
  return {
    options: Object.assign({}, ...given.map(([option, value]) => REQUEST[option]?.(value))),
    notes: given
      .filter(([option]) => REQUEST[option] === undefined)
      .map(([option, value]) => `had the option ${option}: ${showValue(value)}`),
  }
}

function scheduleOf(row: ScheduleRow): ForeignSchedule {
  const { name, key, kind, cron, timezone, data } = row
  const { options, notes } = requestOptions(row.defaults, row.options)
  const { missed } = isPlainObject(row.options) ? row.options : {}
  return {
    place: [name, key],
    name: key === '' ? name : `${name}:${key}`,
    task: name,
    alias: undefined,
    queue: name,
    ownQueue: undefined,
    expression: cron,
    planned: undefined,
    payload: data ?? '{}',
    options: { ...options, tz: timezone ?? 'UTC', catchUp: missed === 'once' ? 'latest' : 'none' },
    notes,
    obstacle: kind === 'cron' ? undefined : `it is a rule (${kind}), and KongTask knows cron and @every only`,
  }
}
