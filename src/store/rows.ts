import type { ErrorCause, Job, JobError, JobProgress, JobState } from '../core/job.ts'
import type { Json, JsonObject } from '../core/json.ts'
import type { JobConcurrency, JobRateLimit, QueueRate } from '../core/limits.ts'

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
  | 'snoozes'

/** What `extras` holds for readers. */
export function extrasOf(id: string, extras: unknown): Pick<Job, Extras> {
  const { tags, metadata, uniqueKey, serialKey, concurrency, rateLimit, flags, parentId, rootId, snoozes } =
    recordOf(extras)
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
    snoozes: typeof snoozes === 'number' ? snoozes : 0,
  }
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
export function timeoutOf(extras: unknown): number | undefined {
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
