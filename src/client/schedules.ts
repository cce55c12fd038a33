import { tickAfter, ticksAfter } from '../calendar/schedule-ticks.ts'
import { KongTaskError } from '../core/errors.ts'
import { parseInstant } from '../core/instant.ts'
import type { PayloadFor } from '../core/job-entry.ts'
import { checkScheduleName } from '../core/names.ts'
import type { AddedJob } from '../core/new-job.ts'
import { checkInteger, invalid } from '../core/option-values.ts'
import type { PayloadCipher } from '../core/payload-cipher.ts'
import { readOptions } from '../core/plain-object.ts'
import {
  checkScheduleOptions,
  SCHEDULE_OPTIONS,
  type Acting,
  type ScheduleOptions,
} from '../core/schedule-options.ts'
import type { ScheduleChange, ScheduleInfo, ScheduleTick } from '../core/schedule-info.ts'
import { specOf } from '../core/schedule.ts'
import { showValue } from '../core/show-value.ts'
import { textFlaw } from '../core/storable-text.ts'
import { isTask, type AnyTask } from '../core/task.ts'
import { checkTimeZone } from '../core/time-zone.ts'
import { parseTiming } from '../core/timing.ts'
import type { ScheduleDefinition, StoredSchedule } from '../store/schedules.ts'
import type { Store } from '../store/store.ts'
import { explained } from './explained.ts'
import type { MakeNewJob } from './new-job.ts'
import { resealSchedules, type ResealedSchedules } from './resealed-schedules.ts'

/** What may be changed about a schedule; what is left out or undefined stays as it is. */
export interface ScheduleChanges extends Omit<ScheduleOptions, 'name'> {
  readonly expression?: string | undefined
  readonly task?: AnyTask | string | undefined
  /** Of a new task, it must be said anew. */
  readonly payload?: unknown
}

/** What of a preview may be said. */
export interface PreviewOptions {
  /** How many ticks, 1 to 1,000. @default 5 */
  readonly count?: number | undefined
  /** Behind this time. @default now, by the database's clock */
  readonly after?: Date | string | undefined
  /** Of an expression; a schedule has its own. @default 'UTC' */
  readonly tz?: string | undefined
}

/** Which changes are to be listed. */
export interface ChangesOptions {
  /** How many, 1 to 1,000. @default 100 */
  readonly limit?: number | undefined
  /** Only what was before the change with this id: of the last one of the page before. */
  readonly before?: string | undefined
}

/** Schedules, as they are steered at run time. Whoever acts may say who it is (`by`), for the audit trail. */
export interface Schedules {
  /** All schedules, by name: those that code or a crontab declares, and those that were made here. */
  list(): Promise<ScheduleInfo[]>
  /** Undefined where there is none of that name. @throws KT_NAME_INVALID */
  get(name: string): Promise<ScheduleInfo | undefined>
  /**
   * Makes a schedule. It comes first with its next tick from now on: what is past is not caught up.
   *
   * @throws KT_SCHEDULE_EXISTS, KT_SCHEDULE_INVALID, KT_OPTION_INVALID, KT_OPTION_UNKNOWN, KT_NAME_INVALID,
   * KT_DURATION_INVALID, and whatever makes a job invalid
   * @example
   * await kong.schedules.create('0 6 * * *', sendReport, { to: 'ada@example.org' }, { name: 'morning', by: 'ada' })
   */
  create<T extends AnyTask | string, P>(
    expression: string,
    task: T,
    payload: PayloadFor<T, P>,
    options?: ScheduleOptions & Acting,
  ): Promise<ScheduleInfo>
  /**
   * Changes a schedule. With another expression or time zone it comes with the next tick of that from now on. Of a declared
   * one, the change holds until code says something else than it said.
   *
   * @throws KT_SCHEDULE_NOT_FOUND, and as `create`
   */
  change(name: string, changes: ScheduleChanges & Acting): Promise<ScheduleInfo>
  /** It fires no more until it is resumed; pausing what is paused changes nothing. @throws KT_SCHEDULE_NOT_FOUND, KT_NAME_INVALID */
  pause(name: string, acting?: Acting): Promise<void>
  /** It comes with the next tick from now on: those of the pause are not caught up. @throws KT_SCHEDULE_NOT_FOUND, KT_NAME_INVALID */
  resume(name: string, acting?: Acting): Promise<void>
  /** Adds a job of it now, paused or not. Its ticks go on as they would. @throws KT_SCHEDULE_NOT_FOUND, KT_NAME_INVALID */
  runNow(name: string, acting?: Acting): Promise<AddedJob>
  /**
   * When a schedule comes next, or an expression that is none yet: `preview('morning')`, `preview('0 6 * * *', { tz })`.
   *
   * @throws KT_SCHEDULE_NOT_FOUND, KT_SCHEDULE_INVALID, KT_OPTION_INVALID, KT_OPTION_UNKNOWN, KT_DATE_INVALID
   */
  preview(nameOrExpression: string, options?: PreviewOptions): Promise<Date[]>
  /**
   * Deletes a schedule; jobs that it has added stay.
   *
   * @throws KT_SCHEDULE_NOT_FOUND, KT_NAME_INVALID; KT_SCHEDULE_DECLARED where an application that runs declares it
   */
  delete(name: string, acting?: Acting): Promise<void>
  /**
   * Encrypts anew, with the current key, what is encrypted with an older one: before that is taken out of `keys`. It counts as
   * nobody's change. What no key at hand opens stays as it is, and is named in `unopened`.
   *
   * @throws KT_OPTION_INVALID where the client has no `encryption`
   * @example
   * const { resealed, unopened } = await kong.schedules.reseal()
   */
  reseal(): Promise<ResealedSchedules>
  /** Who did what, the latest first; of one schedule, also when it is gone, or of all. Kept for a year. */
  changes(name?: string, options?: ChangesOptions): Promise<ScheduleChange[]>
  /** The latest ticks that fired, with their jobs, the latest first; up to `limit` (100). Kept for a week. */
  ticks(name: string, options?: { readonly limit?: number | undefined }): Promise<ScheduleTick[]>
}

type ScheduleStore = Pick<
  Store,
  | 'readClock'
  | 'readSchedules'
  | 'createSchedule'
  | 'changeSchedule'
  | 'pauseSchedule'
  | 'resumeSchedule'
  | 'deleteSchedule'
  | 'runSchedule'
  | 'resealSchedule'
  | 'listScheduleChanges'
  | 'listScheduleTicks'
>

const MOST = 1_000
const DEFAULT_PREVIEW = 5
const DEFAULT_LIMIT = 100
const LONGEST_BY = 200
const MOST_TRIES = 20

export function createSchedules(
  store: ScheduleStore,
  makeNewJob: MakeNewJob,
  cipher: PayloadCipher | undefined,
): Schedules {
  const read = async (name: string): Promise<StoredSchedule> => {
    const [found] = await explained(store.readSchedules(checkScheduleName(name)))
    if (found === undefined) throw notFound(name)
    return found
  }
  const now = async (): Promise<Date> => (await explained(store.readClock())).at
  /** Until nobody else changes it meanwhile. */
  const written = async (name: string, write: (found: StoredSchedule) => Promise<boolean>): Promise<void> => {
    for (let tries = 1; tries <= MOST_TRIES; tries++) if (await explained(write(await read(name)))) return
    throw new KongTaskError(
      'KT_DATABASE_CONFLICT',
      `The schedule ${showValue(name)} is changed by others all the time.`,
    )
  }

  return Object.freeze({
    list: async () => (await explained(store.readSchedules())).map(({ info }) => info),
    get: async (name: string) => (await explained(store.readSchedules(checkScheduleName(name))))[0]?.info,
    create: async (expression: unknown, task: unknown, payload?: unknown, options?: unknown) => {
      const { by, ...given } = readOptions(options, new Set([...SCHEDULE_OPTIONS, 'by']), 'schedules.create')
      const actor = readBy(by)
      const spec = specOf({ expression, task, payload, options: given, source: 'code' })
      const job = await makeNewJob(spec.task, payload, spec.job)
      const nextTick = tickAfter(spec, await now())
      const { name, tz, catchUp, within } = spec
      const definition = { expression: spec.expression, tz, catchUp, within, job, nextTick }
      if (!(await explained(store.createSchedule(name, definition, actor)))) throw exists(name)
      return (await read(name)).info
    },
    change: async (name: string, changes: unknown) => {
      const known = [
        ...SCHEDULE_OPTIONS.filter((option) => option !== 'name'),
        'expression',
        'task',
        'payload',
        'by',
      ]
      const { by, expression, task, payload, ...options } = readOptions(
        changes,
        new Set(known),
        'schedules.change',
      )
      const actor = readBy(by)
      const { tz, catchUp, within, job } = checkScheduleOptions(options, 'schedules.change')
      if (expression !== undefined) parseTiming(expression)
      const timing = typeof expression === 'string' ? { expression: expression.trim() } : {}
      await written(name, async (found) => {
        const anew = {
          ...timing,
          ...(tz === undefined ? {} : { tz }),
          ...(catchUp === undefined ? {} : { catchUp }),
          ...(within === undefined ? {} : { within }),
        }
        const nextTick = tickAfter({ ...found.info, ...anew }, await now())
        const isJobSame = task === undefined && payload === undefined && job === undefined
        const changed: Partial<ScheduleDefinition> = { ...anew, nextTick }
        if (isJobSame) return store.changeSchedule(found, changed, actor)
        const newJob = await changedJob(makeNewJob, found, { task, payload, job })
        return store.changeSchedule(found, { ...changed, job: newJob }, actor)
      })
      return (await read(name)).info
    },
    pause: async (name: string, acting?: unknown) => {
      const by = readActing(acting)
      if (!(await explained(store.pauseSchedule(checkScheduleName(name), by)))) throw notFound(name)
    },
    resume: async (name: string, acting?: unknown) => {
      const by = readActing(acting)
      await written(name, async (found) =>
        store.resumeSchedule(found, tickAfter(found.info, await now()), by),
      )
    },
    runNow: async (name: string, acting?: unknown) => {
      const by = readActing(acting)
      const added = await explained(store.runSchedule(checkScheduleName(name), by))
      if (added === undefined) throw notFound(name)
      return added
    },
    preview: async (nameOrExpression: string, options?: unknown) => {
      const given = readOptions(options, new Set(['count', 'after', 'tz']), 'schedules.preview')
      const { count = DEFAULT_PREVIEW, after, tz } = given
      const most = checkInteger(count, 'count', 1, MOST)
      const since = after === undefined ? undefined : new Date(parseInstant(after, 'after'))
      const recurrence = isExpression(nameOrExpression)
        ? { expression: nameOrExpression, tz: tz === undefined ? 'UTC' : checkTimeZone(tz) }
        : withZone((await read(nameOrExpression)).info, tz)
      // Before the database is asked: what cannot be read is told at once.
      parseTiming(recurrence.expression)
      return ticksAfter(recurrence, since ?? (await now()), most)
    },
    delete: async (name: string, acting?: unknown) => {
      const by = readActing(acting)
      const became = await explained(store.deleteSchedule(checkScheduleName(name), by))
      if (became === 'unknown') throw notFound(name)
      if (became === 'declared') throw declared(name)
    },
    reseal: async () => {
      if (cipher === undefined) throw withoutKeys()
      return explained(resealSchedules(store, cipher))
    },
    changes: async (name?: string, options?: unknown) => {
      const { limit = DEFAULT_LIMIT, before } = readOptions(
        options,
        new Set(['limit', 'before']),
        'schedules.changes',
      )
      return explained(
        store.listScheduleChanges({
          name: name === undefined ? undefined : checkScheduleName(name),
          limit: checkInteger(limit, 'limit', 1, MOST),
          before: before === undefined ? undefined : readChangeId(before),
        }),
      )
    },
    ticks: async (name: string, options?: unknown) => {
      const { limit = DEFAULT_LIMIT } = readOptions(options, new Set(['limit']), 'schedules.ticks')
      return explained(
        store.listScheduleTicks(checkScheduleName(name), checkInteger(limit, 'limit', 1, MOST)),
      )
    },
  })
}

/** Names have no spaces and do not begin so; what is neither is told to be no expression. */
function isExpression(text: unknown): boolean {
  return typeof text !== 'string' || /^@|\s/.test(text.trim())
}

function withZone(info: ScheduleInfo, tz: unknown): ScheduleInfo {
  return tz === undefined ? info : { ...info, tz: checkTimeZone(tz) }
}

interface JobChanges {
  readonly task: unknown
  readonly payload: unknown
  readonly job: object | undefined
}

/** What is not said anew is as it was. A sealed payload is not opened for that: it goes on as it is, with its key. */
async function changedJob(
  makeNewJob: MakeNewJob,
  { info, encryptionKey }: StoredSchedule,
  { task, payload, job }: JobChanges,
): Promise<ScheduleDefinition['job']> {
  const isSameTask = task === undefined || (isTask(task) ? task.name : task) === info.task
  if (!isSameTask && payload === undefined) {
    throw new KongTaskError(
      'KT_OPTION_INVALID',
      'schedules.change: with another `task`, say the `payload` too ({} where it takes none).',
    )
  }
  const options = isSameTask ? { ...keptOptions(info, task, payload), ...job } : job
  const isSealed = payload === undefined && encryptionKey !== undefined
  // A contract is about a payload that is said: what is there stays, whatever shape contracts have now.
  const of = payload === undefined ? info.task : (task ?? info.task)
  const made = await makeNewJob(of, payload ?? (isSealed ? {} : info.payload), options)
  return isSealed ? { ...made, payload: JSON.stringify(info.payload), encryptionKey } : made
}

/** A payload that comes with a contract is of the version that the contract has. */
function keptOptions({ options }: ScheduleInfo, task: unknown, payload: unknown): object {
  if (!isTask(task) || payload === undefined) return options
  const { version: _version, ...kept } = options
  return kept
}

function readActing(acting: unknown): string | undefined {
  return readBy(readOptions(acting, new Set(['by']), 'schedules')['by'])
}

function readBy(by: unknown): string | undefined {
  if (by === undefined) return undefined
  if (typeof by === 'string' && by !== '' && by.length <= LONGEST_BY && textFlaw(by) === undefined) return by
  throw invalid('by', by, `must be text of 1 to ${LONGEST_BY} characters`)
}

function readChangeId(value: unknown): string {
  if (typeof value === 'string' && /^\d{1,18}$/.test(value)) return value
  throw invalid('before', value, 'must be the id of a change')
}

function withoutKeys(): KongTaskError {
  return new KongTaskError(
    'KT_OPTION_INVALID',
    'schedules.reseal: this client was given no `encryption`. Make one with the keys: new KongTask({ ..., encryption }).',
  )
}

function notFound(name: string): KongTaskError {
  return new KongTaskError(
    'KT_SCHEDULE_NOT_FOUND',
    `There is no schedule ${showValue(name)}. kong.schedules.list() has those that exist.`,
  )
}

function exists(name: string): KongTaskError {
  return new KongTaskError(
    'KT_SCHEDULE_EXISTS',
    `There is a schedule ${showValue(name)} already. Change it with kong.schedules.change, or give this one another \`name\`.`,
  )
}

function declared(name: string): KongTaskError {
  return new KongTaskError(
    'KT_SCHEDULE_DECLARED',
    `The schedule ${showValue(name)} is declared by an application that runs: take it out of its code or crontab, or pause it.`,
  )
}
