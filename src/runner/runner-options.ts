import type { Pool } from 'pg'
import { readEncryption, type EncryptionOptions } from '../encryption/payload-keys.ts'
import { parsePositiveDuration, parseDuration, type Duration } from '../core/duration.ts'
import { KongTaskError } from '../core/errors.ts'
import { LOG_LEVELS, type LogLevel } from '../core/job-log.ts'
import type { Logger } from '../core/logger.ts'
import type { Middleware } from '../core/middleware.ts'
import { checkApplicationName, checkQueueName, checkSchemaName } from '../core/names.ts'
import { checkFlags, checkInteger } from '../core/option-values.ts'
import { isPlainObject, readOptions } from '../core/plain-object.ts'
import { showValue } from '../core/show-value.ts'
import type { PayloadCipher } from '../core/payload-cipher.ts'
import type { ScheduleSpec } from '../core/schedule.ts'
import type { SqlPool } from '../core/sql-pool.ts'
import { readTaskList, type TaskEntry, type TaskList } from '../core/task-list.ts'
import { readConnection, readDirectConnection } from '../client/connection.ts'
import type { ForbiddenFlags } from '../worker/forbidden-flags.ts'
import { consoleLogger } from './console-logger.ts'
import { readLogger } from './read-logger.ts'
import { readSchedules } from './read-schedules.ts'

/** What a runner does beside its tasks and its connection. Durations: milliseconds, or text such as `'10m'`. */
export interface WorkingOptions {
  /** Concurrency by queue: only these are served. @default every queue, sharing `concurrency` */
  readonly queues?: Readonly<Record<string, number>> | undefined
  /** Jobs at a time over all queues, where `queues` is not given. 1 to 10000. @default 10 */
  readonly concurrency?: number | undefined
  /** Between looks for jobs without a notification. @default 2 s */
  readonly pollInterval?: Duration | undefined
  /**
   * Leads past a pooler to the database itself, for the one connection that has to be a session: it hears of new jobs, and by
   * it others see when this process dies. Needed where `pool` or `connectionString` leads to a pooler in transaction mode; there,
   * without it, jobs are found by polling, and what a dead process was running waits for the end of its lease.
   * @default the connection of everything else
   */
  readonly directConnectionString?: string | undefined
  /** How long this process counts as alive without a heartbeat. At least 1 s and three heartbeats. @default 15 s */
  readonly leaseDuration?: Duration | undefined
  /** Between heartbeats. @default a third of the lease, 5 s */
  readonly heartbeatInterval?: Duration | undefined
  /** How long `stop()` lets handlers go on before it aborts their signals. @default 25 s */
  readonly gracePeriod?: Duration | undefined
  /**
   * How long a handler may ignore that its signal has aborted. Then its slot is opened for others, `job.stuck` says so,
   * and its job is settled as if it had ended: what it does later changes nothing. @default 30 s
   */
  readonly stuckAfter?: Duration | undefined
  /** Layers around every handler, the first one outermost. @default none */
  readonly middleware?: readonly Middleware[] | undefined
  /** pino, winston, console or anything with debug, info, warn and error. @default the console, without debug */
  readonly logger?: object | undefined
  /** What of the handlers' own lines is kept for `kong.jobs.logs`: of this level and graver ones. @default 'warn' */
  readonly storeLogs?: LogLevel | 'off' | undefined
  /** How long these lines are kept, unless their job says otherwise (`retain.logs`). Up to 35 days. @default 7 d */
  readonly keepLogs?: Duration | undefined
  /** The schema of KongTask's tables. @default `kongtask` */
  readonly schema?: string | undefined
  /** Create or update the tables at the start, however long that takes. @default true */
  readonly migrate?: boolean | undefined
  /** Stop on SIGTERM and SIGINT; a second one ends the process at once. @default false */
  readonly handleSignals?: boolean | undefined
  /** Stops the runner when it aborts. During a migration it undoes that, and `run` rejects with its reason. */
  readonly signal?: AbortSignal | undefined
  /** Jobs that bear one of these flags are left to others. A function is asked before each claim, and has 10 s. @default none */
  readonly forbiddenFlags?: ForbiddenFlags | undefined
  /**
   * Keys with which payloads are encrypted at rest: what handlers add is encrypted with the current one, and jobs are opened
   * with whichever they name. Give it to the clients, too. @default payloads are stored as they are
   */
  readonly encryption?: EncryptionOptions | undefined
  /**
   * Schedules that this program declares, what `schedule` or `parseCrontab` returned; beside them come those of `crontab` and
   * of task objects with a `schedule()`. What it declared before and declares no more is deleted. @default it declares none
   */
  readonly schedules?: readonly ScheduleSpec[] | undefined
  /** Schedules as a crontab says them, docs/schedules.md. */
  readonly crontab?: string | undefined
  /** A file with the crontab. Not together with `crontab`. */
  readonly crontabFile?: string | undefined
  /** Of whom declared schedules are: programs with other tasks on the same database call themselves something else. @default 'default' */
  readonly application?: string | undefined
}

/** How `run` is told what to do and where. Give `connectionString` or `pool`. */
export type RunnerOptions = WorkingOptions & {
  readonly tasks: TaskList
} & (
    | { readonly connectionString: string; readonly pool?: undefined }
    | {
        /** Your node-postgres pool, for handlers, left open at the end. The engine opens up to five connections of its own. */
        readonly pool: SqlPool
        readonly connectionString?: undefined
      }
  )

/** The options, checked; durations in milliseconds. */
export interface RunnerConfig {
  readonly pool: Pool
  readonly ownsPool: boolean
  /** Undefined where the pool's settings lead to the database itself. */
  readonly directConnectionString: string | undefined
  readonly tasks: ReadonlyMap<string, TaskEntry>
  readonly queues: ReadonlyMap<string, number> | undefined
  readonly concurrency: number
  readonly pollInterval: number
  readonly leaseDuration: number
  readonly heartbeatInterval: number
  readonly gracePeriod: number
  readonly stuckAfter: number
  readonly middleware: readonly Middleware[]
  readonly logger: Logger
  readonly storeLogs: LogLevel | 'off'
  readonly keepLogs: number
  readonly schema: string
  readonly migrate: boolean
  readonly handleSignals: boolean
  readonly signal: AbortSignal | undefined
  readonly forbiddenFlags: ForbiddenFlags | undefined
  readonly cipher: PayloadCipher | undefined
  /** Undefined where it declares none, and leaves alone what there is. */
  readonly schedules: readonly ScheduleSpec[] | undefined
  readonly application: string
}

const KNOWN: ReadonlySet<string> = new Set([
  'connectionString',
  'pool',
  'directConnectionString',
  'tasks',
  'queues',
  'concurrency',
  'pollInterval',
  'leaseDuration',
  'heartbeatInterval',
  'gracePeriod',
  'stuckAfter',
  'middleware',
  'logger',
  'storeLogs',
  'keepLogs',
  'schema',
  'migrate',
  'handleSignals',
  'signal',
  'forbiddenFlags',
  'encryption',
  'schedules',
  'crontab',
  'crontabFile',
  'application',
])

const DEFAULTS = {
  concurrency: 10,
  pollInterval: '2s',
  leaseDuration: '15s',
  gracePeriod: '25s',
  stuckAfter: '30s',
  storeLogs: 'warn',
  keepLogs: '7d',
  schema: 'kongtask',
  application: 'default',
} as const
/** Jobs at a time, of a queue or of a process. */
export const MOST_CONCURRENT = 10_000
const SHORTEST_LEASE = 1_000
/** Days of logs exist so far ahead. */
const LONGEST_KEEP = 35 * 86_400_000

/** @throws KongTaskError where an option is unknown or wrong */
export function readRunnerOptions(options: unknown): RunnerConfig {
  const given = readOptions(options, KNOWN, 'run')
  // Defaults are for what is absent only: a null is a mistake, and refused below.
  const {
    concurrency = DEFAULTS.concurrency,
    pollInterval = DEFAULTS.pollInterval,
    leaseDuration = DEFAULTS.leaseDuration,
    gracePeriod = DEFAULTS.gracePeriod,
    stuckAfter = DEFAULTS.stuckAfter,
    middleware = [],
    logger = consoleLogger,
    storeLogs = DEFAULTS.storeLogs,
    keepLogs = DEFAULTS.keepLogs,
    schema = DEFAULTS.schema,
    migrate = true,
    handleSignals = false,
    application = DEFAULTS.application,
  } = given
  const checked = {
    tasks: readTaskList(given['tasks']),
    directConnectionString: readDirectConnection(given['directConnectionString'], 'run'),
    queues: given['queues'] === undefined ? undefined : readQueues(given['queues']),
    concurrency: checkInteger(concurrency, 'concurrency', 1, MOST_CONCURRENT),
    pollInterval: parsePositiveDuration(pollInterval, 'pollInterval'),
    ...readLease(leaseDuration, given['heartbeatInterval']),
    gracePeriod: parseDuration(gracePeriod, 'gracePeriod'),
    stuckAfter: parseDuration(stuckAfter, 'stuckAfter'),
    middleware: readMiddleware(middleware),
    logger: readLogger(logger),
    storeLogs: readLogLevel(storeLogs),
    keepLogs: readKeepLogs(keepLogs),
    schema: checkSchemaName(schema),
    migrate: readBoolean(migrate, 'migrate'),
    handleSignals: readBoolean(handleSignals, 'handleSignals'),
    signal: readSignal(given['signal']),
    forbiddenFlags: readForbiddenFlags(given['forbiddenFlags']),
    cipher: readEncryption(given['encryption'], 'run'),
    application: checkApplicationName(application),
  }
  const schedules = readSchedules(given, checked.tasks)
  // Last, since it may open something.
  return Object.freeze({
    ...checked,
    schedules,
    ...readConnection(given['connectionString'], given['pool'], 'run'),
  })
}

function readLease(
  lease: unknown,
  heartbeat: unknown,
): Pick<RunnerConfig, 'leaseDuration' | 'heartbeatInterval'> {
  const leaseDuration = parsePositiveDuration(lease, 'leaseDuration')
  const heartbeatInterval =
    heartbeat === undefined ? leaseDuration / 3 : parsePositiveDuration(heartbeat, 'heartbeatInterval')
  if (leaseDuration < SHORTEST_LEASE || heartbeatInterval > leaseDuration / 3) {
    throw invalid(
      `leaseDuration (${leaseDuration} ms) must be at least ${SHORTEST_LEASE} ms and three times heartbeatInterval (${heartbeatInterval} ms), so that one lost heartbeat costs nothing`,
    )
  }
  return { leaseDuration, heartbeatInterval }
}

function readQueues(value: unknown): ReadonlyMap<string, number> {
  if (!isPlainObject(value) || Object.keys(value).length === 0) {
    throw invalid(
      `queues must be a record of queue name to concurrency, such as { email: 10 }; it is ${showValue(value)}`,
    )
  }
  return new Map(
    Object.entries(value).map(([name, concurrency]) => [
      checkQueueName(name),
      checkInteger(concurrency, `queues.${name}`, 1, MOST_CONCURRENT),
    ]),
  )
}

function readLogLevel(value: unknown): LogLevel | 'off' {
  const level = value === 'off' ? value : LOG_LEVELS.find((known) => known === value)
  if (level !== undefined) return level
  throw invalid(`storeLogs must be 'off', ${LOG_LEVELS.map(showValue).join(', ')}; it is ${showValue(value)}`)
}

function readKeepLogs(value: unknown): number {
  const keep = parsePositiveDuration(value, 'keepLogs')
  if (keep <= LONGEST_KEEP) return keep
  throw invalid(
    `keepLogs may be 35 days at the most, because lines are dropped by the day; it is ${showValue(value)}`,
  )
}

function readBoolean(value: unknown, option: string): boolean {
  if (typeof value === 'boolean') return value
  throw invalid(`${option} must be true or false; it is ${showValue(value)}`)
}

function readMiddleware(value: unknown): readonly Middleware[] {
  if (Array.isArray(value) && value.every(isMiddleware)) return [...value]
  throw invalid(`middleware must be an array of functions (context, next) => ...; it is ${showValue(value)}`)
}

function isMiddleware(value: unknown): value is Middleware {
  return typeof value === 'function'
}

function readForbiddenFlags(value: unknown): ForbiddenFlags | undefined {
  if (value === undefined) return undefined
  if (isFlagSource(value)) return async () => checkFlags(await value())
  return checkFlags(value)
}

function isFlagSource(value: unknown): value is () => unknown {
  return typeof value === 'function'
}

function readSignal(value: unknown): AbortSignal | undefined {
  if (value === undefined || value instanceof AbortSignal) return value
  throw invalid(`signal must be an AbortSignal; it is ${showValue(value)}`)
}

function invalid(why: string): KongTaskError {
  return new KongTaskError('KT_OPTION_INVALID', `run: ${why}.`)
}
