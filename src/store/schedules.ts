import { checkCatchUp, type CatchUp } from '../core/catch-up.ts'
import type { AddedJob } from '../core/new-job.ts'
import type { NewJob } from '../core/new-job.ts'
import type { ScheduleChange, ScheduleInfo, ScheduleTick } from '../core/schedule-info.ts'
import type { Queryable } from './db.ts'
import { recordOf } from './rows.ts'
import {
  changeSchedule as changeStatement,
  createSchedule as createStatement,
  declareSchedules as declareStatement,
  deleteSchedule as deleteStatement,
  dueSchedules as dueStatement,
  fireSchedule as fireStatement,
  listScheduleChanges as listChangesStatement,
  listSchedules as listStatement,
  listScheduleTicks as listTicksStatement,
  pauseSchedule as pauseStatement,
  pruneSchedules as pruneStatement,
  resealSchedule as resealStatement,
  resumeSchedule as resumeStatement,
  runSchedule as runStatementOf,
} from './statements.generated.ts'
import { runStatement, type RowOf } from './statement.ts'

/** A schedule that is due. */
export interface DueRow {
  readonly name: string
  /** Other where it was changed since. */
  readonly revision: string
  readonly expression: string
  readonly tz: string
  readonly catchUp: CatchUp
  /** Milliseconds. */
  readonly within: number
  readonly nextTick: Date
}

export interface DueSchedules {
  readonly due: readonly DueRow[]
  /** By the database's clock. */
  readonly now: Date
  /** Milliseconds until the next tick of all others; undefined: there is none. */
  readonly nextIn: number | undefined
}

/** What is to fire: everything from `from` on that comes before `following`. */
export interface FireOrder {
  readonly name: string
  readonly revision: string
  readonly from: Date
  readonly ticks: readonly { readonly at: Date; readonly isCaughtUp: boolean }[]
  readonly following: Date | undefined
}

export interface FiredTick {
  readonly tick: Date
  readonly isCaughtUp: boolean
  readonly job: AddedJob
}

/** A schedule to write: what a change leaves out stays as it is. */
export interface ScheduleDefinition {
  readonly expression: string
  readonly tz: string
  readonly catchUp: CatchUp
  readonly within: number
  readonly job: NewJob
  /** The first tick; undefined: none ever comes. Of a change, it counts where the timing is another. */
  readonly nextTick: Date | undefined
}

/** One that code or a crontab declares. */
export interface DeclaredSchedule extends ScheduleDefinition {
  readonly name: string
  readonly source: 'code' | 'crontab'
  /** Equal as long as code says the same. */
  readonly declared: string
}

/** What one program declares. */
export interface Declaring {
  readonly application: string
  readonly generation: string
  readonly schedules: readonly DeclaredSchedule[]
  readonly by: string
}

/** What became of one that was declared. */
export interface Declared {
  readonly name: string | undefined
  readonly done: 'created' | 'changed' | 'deleted' | 'kept' | 'superseded'
}

/** With what a change has to compare, and what it may need to keep. */
export interface StoredSchedule {
  readonly info: ScheduleInfo
  readonly revision: string
  /** The id of the key that opens the payload; undefined where it is not sealed. */
  readonly encryptionKey: string | undefined
}

/** Days of ticks that fired, and of the audit trail. */
const KEEP_TICKS = 7 * 86_400_000
const KEEP_CHANGES = 366 * 86_400_000
const PRUNE_BATCH = 5_000

/** Schedules whose tick has come, the longest due first, but for these as they were read: `name revision`. */
export async function dueSchedules(
  db: Queryable,
  schema: string,
  limit: number,
  except: readonly string[],
): Promise<DueSchedules> {
  const rows = await runStatement(db, schema, dueStatement, { limit, except })
  const last = rows.at(-1)
  if (last === undefined) throw new TypeError('due_schedules left out its last row')
  return { due: rows.flatMap(dueRow), now: last.seen_at, nextIn: last.next_in ?? undefined }
}

function dueRow(row: RowOf<typeof dueStatement>): DueRow[] {
  const { name, revision, expression, tz, catch_up: catchUp, within_ms: within, next_tick: nextTick } = row
  if (name === null || revision === null || expression === null || tz === null) return []
  if (within === null || nextTick === null) return []
  return [{ name, revision, expression, tz, catchUp: checkCatchUp(catchUp), within, nextTick }]
}

/** The ticks that it was this call that fired. */
export async function fireSchedule(db: Queryable, schema: string, order: FireOrder): Promise<FiredTick[]> {
  const { name, revision, from, ticks, following } = order
  const rows = await runStatement(db, schema, fireStatement, {
    name,
    revision,
    from,
    ticks: JSON.stringify(ticks),
    following: following ?? null,
  })
  return rows.map(({ tick, is_caught_up: isCaughtUp, job_id: id, status }) => ({
    tick,
    isCaughtUp,
    job: { id, status: statusOf(status) },
  }))
}

/** False where there is one of that name. */
export async function createSchedule(
  db: Queryable,
  schema: string,
  name: string,
  definition: ScheduleDefinition,
  by: string | undefined,
): Promise<boolean> {
  const [row] = await runStatement(db, schema, createStatement, {
    definition: written(definition, { name }),
    by: by ?? null,
  })
  return row?.created === true
}

/** False where it is not there in that revision any more. */
export async function changeSchedule(
  db: Queryable,
  schema: string,
  { info: { name }, revision }: StoredSchedule,
  changes: Partial<ScheduleDefinition>,
  by: string | undefined,
): Promise<boolean> {
  const definition = written(changes, {})
  const [row] = await runStatement(db, schema, changeStatement, {
    name,
    revision,
    definition,
    by: by ?? null,
  })
  return row?.changed === true
}

/** False where there is none of that name. */
export async function pauseSchedule(
  db: Queryable,
  schema: string,
  name: string,
  by: string | undefined,
): Promise<boolean> {
  const [row] = await runStatement(db, schema, pauseStatement, { name, by: by ?? null })
  return row?.known === true
}

/** False where it is not there in that revision any more. */
export async function resumeSchedule(
  db: Queryable,
  schema: string,
  { info: { name }, revision }: StoredSchedule,
  next: Date | undefined,
  by: string | undefined,
): Promise<boolean> {
  const parameters = { name, revision, next: next ?? null, by: by ?? null }
  const [row] = await runStatement(db, schema, resumeStatement, parameters)
  return row?.resumed === true
}

/** `declared`: an application that lives declares it, and it was left alone. */
export async function deleteSchedule(
  db: Queryable,
  schema: string,
  name: string,
  by: string | undefined,
): Promise<'deleted' | 'declared' | 'unknown'> {
  const [row] = await runStatement(db, schema, deleteStatement, { name, by: by ?? null })
  if (row?.known !== true) return 'unknown'
  return row.declared ? 'declared' : 'deleted'
}

/** Undefined where there is none of that name. */
export async function runSchedule(
  db: Queryable,
  schema: string,
  name: string,
  by: string | undefined,
): Promise<AddedJob | undefined> {
  const [row] = await runStatement(db, schema, runStatementOf, { name, by: by ?? null })
  return row && { id: row.job_id, status: statusOf(row.status) }
}

/** What an application declares takes the place of what it declared before, unless newer processes say otherwise. */
export async function declareSchedules(
  db: Queryable,
  schema: string,
  { application, generation, schedules, by }: Declaring,
): Promise<Declared[]> {
  const definitions = schedules.map(({ name, source, declared, ...definition }) =>
    written(definition, { name, source, declared }),
  )
  const rows = await runStatement(db, schema, declareStatement, {
    application,
    generation,
    definitions: `[${definitions.join(',')}]`,
    by,
  })
  return rows.map(({ name, done }) => ({ name: name ?? undefined, done: doneOf(done) }))
}

/** The same payload under another key, as JSON text. False where it is not there in that revision any more. */
export async function resealSchedule(
  db: Queryable,
  schema: string,
  { info: { name }, revision }: StoredSchedule,
  key: string,
  payload: string,
): Promise<boolean> {
  const rows = await runStatement(db, schema, resealStatement, { name, revision, key, payload })
  return rows.length === 1
}

/** All, or the one of that name. */
export async function readSchedules(db: Queryable, schema: string, name?: string): Promise<StoredSchedule[]> {
  const rows = await runStatement(db, schema, listStatement, { name: name ?? null })
  return rows.map(storedSchedule)
}

export async function listScheduleChanges(
  db: Queryable,
  schema: string,
  {
    name,
    before,
    limit,
  }: { readonly name?: string | undefined; readonly before?: string | undefined; readonly limit: number },
): Promise<ScheduleChange[]> {
  const rows = await runStatement(db, schema, listChangesStatement, {
    name: name ?? null,
    before: before ?? null,
    limit,
  })
  return rows.map(({ id, schedule, at, by, verb, before: was, after: is }) => ({
    id,
    schedule,
    at,
    by,
    verb: verbOf(verb),
    before: was === null ? undefined : recordOf(was),
    after: is === null ? undefined : recordOf(is),
  }))
}

export async function listScheduleTicks(
  db: Queryable,
  schema: string,
  name: string,
  limit: number,
): Promise<ScheduleTick[]> {
  const rows = await runStatement(db, schema, listTicksStatement, { name, limit })
  return rows.map(({ tick, fired_at: firedAt, caught_up: isCaughtUp, job_id: jobId, status }) => ({
    tick,
    firedAt,
    isCaughtUp,
    jobId,
    status: statusOf(status),
  }))
}

/** Forgets a batch of what is old. True: there may be more. */
export async function pruneSchedules(db: Queryable, schema: string): Promise<boolean> {
  const [row] = await runStatement(db, schema, pruneStatement, {
    ticks_ms: KEEP_TICKS,
    changes_ms: KEEP_CHANGES,
    limit: PRUNE_BATCH,
  })
  return row?.more === true
}

/** JSON as write_schedule and rewrite_schedule take it. */
function written({ job, ...definition }: Partial<ScheduleDefinition>, more: object): string {
  if (job === undefined) return JSON.stringify({ ...more, ...definition })
  const { payload, parent: _parent, ...kind } = job
  const text = JSON.stringify({ ...more, ...definition, job: kind })
  // The payload is text already, with numbers in it that JavaScript may not be able to tell.
  return `${text.slice(0, -1)},"payload":${payload}}`
}

function storedSchedule(row: RowOf<typeof listStatement>): StoredSchedule {
  const { task, options, encryptionKey } = recordOf(row.job)
  return {
    info: {
      name: row.name,
      source: sourceOf(row.source),
      application: row.application ?? undefined,
      expression: row.expression,
      tz: row.tz,
      catchUp: checkCatchUp(row.catch_up),
      within: row.within_ms,
      task: typeof task === 'string' ? task : '',
      payload: row.payload,
      options: recordOf(options),
      pausedAt: row.paused_at ?? undefined,
      nextTick: row.paused_at === null ? (row.next_tick ?? undefined) : undefined,
      lastTick: row.last_tick ?? undefined,
      createdAt: row.created_at,
      changedAt: row.changed_at,
    },
    revision: row.revision,
    encryptionKey: typeof encryptionKey === 'string' ? encryptionKey : undefined,
  }
}

function sourceOf(source: string): ScheduleInfo['source'] {
  if (source === 'code' || source === 'crontab' || source === 'user') return source
  throw new TypeError(`list_schedules answered with the source "${source}"`)
}

function statusOf(status: string): AddedJob['status'] {
  if (status === 'added' || status === 'skipped' || status === 'replaced') return status
  throw new TypeError(`A schedule's job has the status "${status}"`)
}

const DONE: readonly Declared['done'][] = ['created', 'changed', 'deleted', 'kept', 'superseded']

function doneOf(done: string): Declared['done'] {
  const known = DONE.find((each) => each === done)
  if (known === undefined) throw new TypeError(`declare_schedules answered with "${done}"`)
  return known
}

const VERBS: readonly ScheduleChange['verb'][] = ['created', 'changed', 'paused', 'resumed', 'ran', 'deleted']

function verbOf(verb: string): ScheduleChange['verb'] {
  const known = VERBS.find((each) => each === verb)
  if (known === undefined) throw new TypeError(`list_schedule_changes answered with the verb "${verb}"`)
  return known
}
