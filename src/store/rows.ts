import type { ErrorCause, Job, JobError, JobProgress, JobState } from '../core/job.ts'
import type { JobSchedule } from '../core/schedule-info.ts'
import type { Json, JsonObject } from '../core/json.ts'
import type { JobConcurrency, JobRateLimit, QueueRate } from '../core/limits.ts'
import { FIRST_VERSION } from '../core/payload-version.ts'

/** A job as read_job and its relatives return it. */
export interface JobRow {
  readonly id: string
  readonly task: string
  readonly queue: string
  readonly payload: unknown
  readonly state: string
  readonly attempt: number
  readonly max_attempts: number
  readonly priority: number
  readonly run_at: Date
  readonly created_at: Date
  readonly finished_at: Date | null
  readonly extras: unknown
  readonly errors: unknown
  readonly result: unknown
  /** { done, total, note, at }, where it was asked for. */
  readonly progress?: unknown
}

const states: readonly string[] = [
  'scheduled',
  'ready',
  'running',
  'completed',
  'dead',
  'cancelled',
] satisfies JobState[]

/** The one place where a stored row becomes a Job. */
export function jobOf(row: JobRow): Job {
  return {
    id: row.id,
    task: row.task,
    queue: row.queue,
    payload: row.payload,
    state: stateOf(row.state),
    attempt: row.attempt,
    maxAttempts: row.max_attempts,
    priority: row.priority,
    scheduledAt: row.run_at,
    createdAt: row.created_at,
    finishedAt: row.finished_at ?? undefined,
    ...extrasOf(row.id, row.extras),
    // Here nobody has keys.
    isSealed: encryptionKeyOf(row.extras) !== undefined,
    errors: errorsOf(row.errors),
    result: row.result === null ? undefined : jsonOf(row.result),
    progress: progressOf(row.progress),
  }
}

type Extras =
  | 'tags'
  | 'metadata'
  | 'uniqueKey'
  | 'serialKey'
  | 'concurrency'
  | 'rateLimit'
  | 'flags'
  | 'parentId'
  | 'rootId'
  | 'schedule'
  | 'snoozes'
  | 'version'
  | 'encryptionKey'

/** What `extras` holds for readers. */
export function extrasOf(id: string, extras: unknown): Pick<Job, Extras> {
  const record = recordOf(extras)
  const { tags, metadata, uniqueKey, serialKey, concurrency, rateLimit, flags, parentId, rootId, snoozes } =
    record
  return {
    tags: Array.isArray(tags) ? tags.map(String) : [],
    metadata: recordOf(metadata),
    uniqueKey: typeof uniqueKey === 'string' ? uniqueKey : undefined,
    serialKey: typeof serialKey === 'string' ? serialKey : undefined,
    concurrency: concurrency === undefined ? undefined : concurrencyOf(concurrency),
    rateLimit: rateLimit === undefined ? undefined : rateLimitOf(rateLimit),
    flags: Array.isArray(flags) ? flags.map(String) : [],
    parentId: typeof parentId === 'string' ? parentId : undefined,
    rootId: typeof rootId === 'string' ? rootId : id,
    schedule: record['schedule'] === undefined ? undefined : scheduleOf(record['schedule']),
    snoozes: typeof snoozes === 'number' ? snoozes : 0,
    version: versionOf(extras),
    encryptionKey: encryptionKeyOf(extras),
  }
}

/** The schedule that a job comes of (add_tick_job). */
function scheduleOf(value: Json): JobSchedule {
  const { name, tick, isCaughtUp } = recordOf(value)
  return { name: textOf(name), tick: new Date(textOf(tick)), isCaughtUp: isCaughtUp === true }
}

/** Under which version of its task a job was added. */
function versionOf(extras: unknown): number {
  const { version } = recordOf(extras)
  return typeof version === 'number' ? version : FIRST_VERSION
}

/** The id of the key that opens the payload of a job, where it is sealed. */
function encryptionKeyOf(extras: unknown): string | undefined {
  const { encryptionKey } = recordOf(extras)
  return typeof encryptionKey === 'string' ? encryptionKey : undefined
}

/** What a worker has to know of a job before it runs it. */
export interface WorkFacts {
  /** The job's own, in milliseconds. */
  readonly timeout: number | undefined
  readonly version: number
  readonly encryptionKey: string | undefined
  /** How often it was put off because it takes newer code. */
  readonly deferrals: number
}

/** Of a job that has nothing in its extras. */
export const PLAIN_WORK: WorkFacts = Object.freeze({
  timeout: undefined,
  version: FIRST_VERSION,
  encryptionKey: undefined,
  deferrals: 0,
})

export function workFactsOf(extras: unknown): WorkFacts {
  return {
    timeout: timeoutOf(extras),
    version: versionOf(extras),
    encryptionKey: encryptionKeyOf(extras),
    deferrals: deferralsOf(extras),
  }
}

/** How often a job was put off, since it last ran, because it takes newer code. */
export function deferralsOf(extras: unknown): number {
  const { deferrals } = recordOf(extras)
  return typeof deferrals === 'number' ? deferrals : 0
}

function concurrencyOf(value: Json): JobConcurrency {
  const { limit, key, by } = recordOf(value)
  return {
    limit: Number(limit),
    ...(typeof key === 'string' ? { key } : {}),
    ...(typeof by === 'string' ? { by } : {}),
  }
}

function rateLimitOf(value: Json): JobRateLimit {
  const { per, burst } = recordOf(value)
  const { limit, ...scope } = concurrencyOf(value)
  return { limit, per: Number(per), ...(typeof burst === 'number' ? { burst } : {}), ...scope }
}

/** The rate of a queue, as limit_queue keeps it. */
export function queueRateOf(rate: unknown): QueueRate {
  const { limit, per, burst } = recordOf(rate)
  return { limit: Number(limit), per: Number(per), burst: Number(burst) }
}

/** A job's own timeout in milliseconds, where it has one. */
function timeoutOf(extras: unknown): number | undefined {
  const { timeout } = recordOf(extras)
  return typeof timeout === 'number' ? timeout : undefined
}

/** How long a job's lines are to be kept, in milliseconds or not at all, where it says so. */
export function logRetentionOf(extras: unknown): number | false | undefined {
  const { logs } = recordOf(recordOf(extras)['retain'])
  return typeof logs === 'number' || logs === false ? logs : undefined
}

function progressOf(progress: unknown): JobProgress | undefined {
  if (progress === null || progress === undefined) return undefined
  const { done, total, note, at } = recordOf(progress)
  return {
    done: Number(done),
    total: Number(total),
    note: typeof note === 'string' ? note : undefined,
    at: new Date(textOf(at)),
  }
}

export function errorsOf(errors: unknown): readonly JobError[] {
  return Array.isArray(errors) ? errors.map(errorOf) : []
}

function errorOf(value: unknown): JobError {
  const { attempt, at } = recordOf(value)
  return { attempt: Number(attempt), at: new Date(textOf(at)), ...causeOf(value) }
}

export function causeOf(value: unknown): ErrorCause {
  const { name, message, code, stack, cause } = recordOf(value)
  return {
    name: textOf(name),
    message: textOf(message),
    ...(typeof code === 'string' ? { code } : {}),
    ...(typeof stack === 'string' ? { stack } : {}),
    ...(cause === undefined ? {} : { cause: causeOf(cause) }),
  }
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : ''
}

export function stateOf(state: string): JobState {
  if (isState(state)) return state
  throw new TypeError(`The database holds a job in the state "${state}", which this version does not know.`)
}

function isState(state: string): state is JobState {
  return states.includes(state)
}

/** A jsonb object's members; none where it is something else. */
export function recordOf(value: unknown): JsonObject {
  const json = jsonOf(value)
  return isObject(json) ? json : {}
}

function isObject(json: Json): json is JsonObject {
  return typeof json === 'object' && json !== null && !Array.isArray(json)
}

/** A jsonb column comes out of the driver as JSON by definition. */
function jsonOf(value: unknown): Json {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- jsonb holds nothing else
  return value as Json
}
