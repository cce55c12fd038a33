// What can be set, where it is said, and what is allowed. One entry each; docs/configuration.md has them as a table.
import { resolve } from 'node:path'
import { parseCrontab } from '../core/crontab.ts'
import { parseDuration, parsePositiveDuration, type Duration } from '../core/duration.ts'
import { KongTaskError } from '../core/errors.ts'
import { LOG_LEVELS, type LogLevel } from '../core/job-log.ts'
import { checkSchemaName } from '../core/names.ts'
import { checkFlags, checkInteger, invalid } from '../core/option-values.ts'
import { isScheduleSpec } from '../core/schedule.ts'
import { readTaskList, type TaskList } from '../core/task-list.ts'
import { readEncryption } from '../encryption/payload-keys.ts'
import { readLogger } from '../runner/read-logger.ts'
import { MOST_CONCURRENT, type WorkingOptions } from '../runner/runner-options.ts'
import type { KongTaskConfig } from './config.ts'
import type { Problems } from './problems.ts'
import { checkQueues } from './queue-settings.ts'
import { listOf, queuesOf, wholeNumber, yesOrNo } from './setting-text.ts'

/** What somebody set, checked, and nothing else: defaults are whose they are. */
export interface Settings {
  readonly connectionString?: string
  readonly directConnectionString?: string
  readonly schema?: string
  /** The absolute path of a folder; or tasks. */
  readonly tasks?: string | TaskList
  /** The absolute path of a file. */
  readonly crontabFile?: string
  readonly crontab?: string
  readonly schedules?: NonNullable<WorkingOptions['schedules']>
  readonly application?: string
  /** Undefined: as many as `concurrency`. */
  readonly queues?: Readonly<Record<string, number | undefined>>
  readonly concurrency?: number
  readonly pollInterval?: Duration
  readonly leaseDuration?: Duration
  readonly heartbeatInterval?: Duration
  readonly gracePeriod?: Duration
  readonly stuckAfter?: Duration
  readonly storeLogs?: LogLevel | 'off'
  readonly keepLogs?: Duration
  readonly migrate?: boolean
  readonly forbiddenFlags?: NonNullable<WorkingOptions['forbiddenFlags']>
  readonly middleware?: NonNullable<WorkingOptions['middleware']>
  readonly logger?: object
  readonly encryption?: NonNullable<WorkingOptions['encryption']>
}

export type SettingName = keyof Settings

/** Where a value was given. */
export interface Given {
  readonly value: unknown
  /** `kongtask.config.ts`, `KONGTASK_SCHEMA`, `--schema`. */
  readonly source: string
  /** Empty where the source is the setting itself. */
  readonly path: string
  /** What relative paths count from. */
  readonly folder: string
}

export interface Rule {
  /** The environment variable, where text can say it. */
  readonly variable?: string
  /** What the text of a variable or a flag says. What it cannot mean it returns as it is, to be refused. */
  readonly fromText?: (text: string) => unknown
  /** @throws KongTaskError where it is wrong as a whole; what is wrong in parts is added to the problems */
  readonly check: (value: unknown, given: Given, problems: Problems) => Settings
}

/** Days of logs exist so far ahead. */
const LONGEST_KEEP = 35 * 86_400_000

export const SETTINGS: { readonly [Name in keyof KongTaskConfig]-?: Rule } = {
  connectionString: {
    variable: 'KONGTASK_DATABASE_URL',
    check: (value) => ({ connectionString: checkConnectionString(value, 'connectionString') }),
  },
  directConnectionString: {
    variable: 'KONGTASK_DIRECT_DATABASE_URL',
    check: (value) => ({ directConnectionString: checkConnectionString(value, 'directConnectionString') }),
  },
  schema: { variable: 'KONGTASK_SCHEMA', check: (value) => ({ schema: checkSchemaName(value) }) },
  tasks: { variable: 'KONGTASK_TASKS', check: (value, { folder }) => ({ tasks: checkTasks(value, folder) }) },
  crontabFile: {
    variable: 'KONGTASK_CRONTAB_FILE',
    check: (value, { folder }) => ({ crontabFile: checkPath(value, 'crontabFile', folder) }),
  },
  crontab: { check: (value) => ({ crontab: checkCrontab(value) }) },
  schedules: { check: (value) => ({ schedules: checkSchedules(value) }) },
  application: {
    variable: 'KONGTASK_APPLICATION',
    check: (value) => ({ application: checkText(value, 'application') }),
  },
  queues: {
    variable: 'KONGTASK_QUEUES',
    fromText: queuesOf,
    check: (value, given, problems) => ({ queues: checkQueues(value, given, problems) }),
  },
  concurrency: {
    variable: 'KONGTASK_CONCURRENCY',
    fromText: wholeNumber,
    check: (value) => ({ concurrency: checkInteger(value, 'concurrency', 1, MOST_CONCURRENT) }),
  },
  pollInterval: positive('pollInterval', 'KONGTASK_POLL_INTERVAL'),
  leaseDuration: positive('leaseDuration', 'KONGTASK_LEASE_DURATION'),
  heartbeatInterval: positive('heartbeatInterval', 'KONGTASK_HEARTBEAT_INTERVAL'),
  gracePeriod: length('gracePeriod', 'KONGTASK_GRACE_PERIOD'),
  stuckAfter: length('stuckAfter', 'KONGTASK_STUCK_AFTER'),
  storeLogs: { variable: 'KONGTASK_STORE_LOGS', check: (value) => ({ storeLogs: checkLevel(value) }) },
  keepLogs: {
    variable: 'KONGTASK_KEEP_LOGS',
    check: (value) => ({ keepLogs: checkKeepLogs(value) }),
  },
  migrate: {
    variable: 'KONGTASK_MIGRATE',
    fromText: yesOrNo,
    check: (value) => ({ migrate: checkBoolean(value, 'migrate') }),
  },
  forbiddenFlags: {
    variable: 'KONGTASK_FORBIDDEN_FLAGS',
    fromText: listOf,
    check: (value) => ({ forbiddenFlags: isFlagSource(value) ? value : checkFlags(value) }),
  },
  middleware: { check: (value) => ({ middleware: checkMiddleware(value) }) },
  logger: {
    check: (value) => {
      readLogger(value)
      return isObject(value) ? { logger: value } : {}
    },
  },
  encryption: {
    check: (value) => {
      readEncryption(value, 'defineConfig')
      return isEncryption(value) ? { encryption: value } : {}
    },
  },
}

type Checked = Rule['check']

function positive(name: SettingName & DurationName, variable: string): Rule {
  return { variable, check: durationBy(name, parsePositiveDuration) }
}

function length(name: SettingName & DurationName, variable: string): Rule {
  return { variable, check: durationBy(name, parseDuration) }
}

type DurationName = 'pollInterval' | 'leaseDuration' | 'heartbeatInterval' | 'gracePeriod' | 'stuckAfter'

/** Kept as it was written, since `doctor --config` shows it. */
function durationBy(name: DurationName, parse: (value: unknown, option: string) => number): Checked {
  return (value) => {
    const ms = parse(value, name)
    return { [name]: typeof value === 'string' ? value : ms }
  }
}

/** The rest is refused by who connects; this is what can be said without. */
function checkConnectionString(value: unknown, option: string): string {
  if (typeof value === 'string' && /^(postgres(ql)?:\/\/|socket:|\/)/i.test(value)) return value
  // Not shown: it may hold a password.
  throw new KongTaskError(
    'KT_CONNECTION_INVALID',
    `\`${option}\` must look like postgres://user:password@host:5432/database.`,
  )
}

function checkTasks(value: unknown, folder: string): string | TaskList {
  if (typeof value === 'string') return checkPath(value, 'tasks', folder)
  if (isTaskList(value)) return value
  throw invalid('tasks', value, 'must be a folder, or tasks')
}

/** @throws KongTaskError that says what is wrong with it */
function isTaskList(value: unknown): value is TaskList {
  readTaskList(value)
  return true
}

/** @throws CrontabError with every line that is wrong */
function checkCrontab(value: unknown): string {
  const text = checkText(value, 'crontab')
  parseCrontab(text)
  return text
}

function checkSchedules(value: unknown): NonNullable<Settings['schedules']> {
  if (Array.isArray(value) && value.every(isScheduleSpec)) return [...value]
  throw invalid('schedules', value, 'must be an array of what schedule(...) returned')
}

function checkText(value: unknown, option: string): string {
  if (typeof value === 'string') return value
  throw invalid(option, value, 'must be text')
}

function checkPath(value: unknown, option: string, folder: string): string {
  if (typeof value === 'string' && value !== '') return resolve(folder, value)
  throw invalid(option, value, 'must be a path')
}

function checkLevel(value: unknown): LogLevel | 'off' {
  const level = value === 'off' ? value : LOG_LEVELS.find((known) => known === value)
  if (level !== undefined) return level
  throw invalid('storeLogs', value, `must be 'off', ${LOG_LEVELS.map((known) => `'${known}'`).join(', ')}`)
}

function checkKeepLogs(value: unknown): Duration {
  const ms = parsePositiveDuration(value, 'keepLogs')
  if (ms > LONGEST_KEEP) throw invalid('keepLogs', value, 'may be 35 days at the most')
  return typeof value === 'string' ? value : ms
}

function checkBoolean(value: unknown, option: string): boolean {
  if (typeof value === 'boolean') return value
  throw invalid(option, value, 'must be true or false')
}

function checkMiddleware(value: unknown): NonNullable<Settings['middleware']> {
  if (Array.isArray(value) && value.every(isMiddleware)) return [...value]
  throw invalid('middleware', value, 'must be an array of functions (context, next) => ...')
}

function isMiddleware(value: unknown): value is NonNullable<Settings['middleware']>[number] {
  return typeof value === 'function'
}

function isFlagSource(
  value: unknown,
): value is Extract<NonNullable<Settings['forbiddenFlags']>, () => unknown> {
  return typeof value === 'function'
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function isEncryption(value: unknown): value is NonNullable<Settings['encryption']> {
  return isObject(value)
}

/** The same by any name, for what comes from outside. */
export const RULES: ReadonlyMap<string, Rule> = new Map(Object.entries(SETTINGS))
