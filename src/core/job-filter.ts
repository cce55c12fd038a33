import { parseDuration } from './duration.ts'
import { KongTaskError } from './errors.ts'
import { parseInstant } from './instant.ts'
import { checkJobId } from './job-id.ts'
import type { JobId, JobState } from './job.ts'
import { checkQueueName, checkTag, checkTaskName } from './names.ts'
import { checkKey, invalid } from './option-values.ts'
import { isPlainObject, readOptions } from './plain-object.ts'
import { textFlaw } from './storable-text.ts'

/** A span of time: `from` belongs to it, `to` does not. Dates, or ISO strings with an offset. */
export interface TimeRange {
  readonly from?: Date | string | undefined
  readonly to?: Date | string | undefined
}

/** Which dead letters are meant: those that fit everything that is said. */
export interface DeadLetterFilter {
  /** A name, or several. */
  readonly task?: string | readonly string[] | undefined
  /** A name, or several. */
  readonly queue?: string | readonly string[] | undefined
  /** One of the job's tags. */
  readonly tag?: string | undefined
  readonly uniqueKey?: string | undefined
  readonly serialKey?: string | undefined
  /** The job that added it. */
  readonly parentId?: JobId | undefined
  /**
   * Part of the message of the latest error, as it is or as `deadLetters.groups()` shows it (`user <n> not found`). Upper
   * and lower case differ.
   */
  readonly error?: string | undefined
  readonly createdAt?: TimeRange | undefined
  /** When it is due, or was. */
  readonly scheduledAt?: TimeRange | undefined
  /** Jobs that are not over do not fit. */
  readonly finishedAt?: TimeRange | undefined
}

/** Which jobs are meant: those that fit everything that is said. */
export interface JobFilter extends DeadLetterFilter {
  /** A state, or several. */
  readonly state?: JobState | readonly JobState[] | undefined
}

/** A filter that was checked, as the database is given it: times in UTC. */
export interface CheckedFilter {
  readonly states?: readonly JobState[] | undefined
  readonly tasks?: readonly string[] | undefined
  readonly queues?: readonly string[] | undefined
  readonly tag?: string | undefined
  readonly uniqueKey?: string | undefined
  readonly serialKey?: string | undefined
  readonly parentId?: string | undefined
  readonly error?: string | undefined
  readonly createdFrom?: string | undefined
  readonly createdTo?: string | undefined
  readonly scheduledFrom?: string | undefined
  readonly scheduledTo?: string | undefined
  readonly finishedFrom?: string | undefined
  readonly finishedTo?: string | undefined
  /** Finished longer ago than this, in milliseconds, by the database's clock. */
  readonly olderThan?: number | undefined
  /** Of scheduled jobs only those that failed before. */
  readonly retrying?: boolean | undefined
}

const STATES: readonly JobState[] = ['scheduled', 'ready', 'running', 'completed', 'dead', 'cancelled']
const OF_DEAD_LETTERS = [
  'task',
  'queue',
  'tag',
  'uniqueKey',
  'serialKey',
  'parentId',
  'error',
  'createdAt',
  'scheduledAt',
  'finishedAt',
] as const
const KNOWN: ReadonlySet<string> = new Set(['state', ...OF_DEAD_LETTERS])
const KNOWN_OF_DEAD_LETTERS: ReadonlySet<string> = new Set(OF_DEAD_LETTERS)
const RANGE: ReadonlySet<string> = new Set(['from', 'to'])
const LONGEST_ERROR = 2_000
const MOST_NAMES = 100

/**
 * @param what whose filter it is, for messages: `jobs.list`
 * @throws KT_OPTION_UNKNOWN, KT_OPTION_INVALID, KT_NAME_INVALID, KT_DATE_INVALID
 */
export function readJobFilter(value: unknown, what: string): CheckedFilter {
  return checkedFilter(readOptions(value, KNOWN, what))
}

/** The same for dead letters, whose state is no question: it is left to the caller. */
export function readDeadLetterFilter(value: unknown, what: string): CheckedFilter {
  return checkedFilter(readOptions(value, KNOWN_OF_DEAD_LETTERS, what))
}

/** @throws KT_DURATION_INVALID */
export function withAge(filter: CheckedFilter, olderThan: unknown): CheckedFilter {
  return olderThan === undefined ? filter : { ...filter, olderThan: parseDuration(olderThan, 'olderThan') }
}

/** A verb over everything that there is must be meant, not come from a filter whose only value was undefined. */
export function checkSaysSomething(filter: CheckedFilter, what: string, advice: string): void {
  if (Object.values(filter).some((part) => part !== undefined)) return
  throw new KongTaskError(
    'KT_OPTION_INVALID',
    `${what}: the filter says nothing, so it would mean every job that there is. ${advice}`,
  )
}

function checkedFilter(given: Readonly<Record<string, unknown>>): CheckedFilter {
  const created = range(given['createdAt'], 'createdAt')
  const scheduled = range(given['scheduledAt'], 'scheduledAt')
  const finished = range(given['finishedAt'], 'finishedAt')
  return {
    states: several(given['state'], 'state', checkState),
    tasks: several(given['task'], 'task', checkTaskName),
    queues: several(given['queue'], 'queue', checkQueueName),
    tag: maybe(given['tag'], checkTag),
    uniqueKey: maybe(given['uniqueKey'], (key) => checkKey(key, 'uniqueKey')),
    serialKey: maybe(given['serialKey'], (key) => checkKey(key, 'serialKey')),
    parentId: maybe(given['parentId'], checkJobId),
    error: maybe(given['error'], checkError),
    createdFrom: created.from,
    createdTo: created.to,
    scheduledFrom: scheduled.from,
    scheduledTo: scheduled.to,
    finishedFrom: finished.from,
    finishedTo: finished.to,
  }
}

function maybe<T>(value: unknown, check: (given: unknown) => T): T | undefined {
  return value === undefined ? undefined : check(value)
}

function several<T>(value: unknown, option: string, check: (item: unknown) => T): readonly T[] | undefined {
  if (!Array.isArray(value)) return value === undefined ? undefined : [check(value)]
  const items: readonly unknown[] = value
  if (items.length === 0 || items.length > MOST_NAMES) {
    throw invalid(option, value, `must be one, or an array of 1 to ${MOST_NAMES}`)
  }
  return Array.from(items, check)
}

function checkState(value: unknown): JobState {
  const state = STATES.find((known) => known === value)
  if (state === undefined) throw invalid('state', value, `must be one of ${STATES.join(', ')}`)
  return state
}

function checkError(value: unknown): string {
  if (typeof value !== 'string' || value === '' || value.length > LONGEST_ERROR) {
    throw invalid('error', value, `must be text of 1 to ${LONGEST_ERROR} characters`)
  }
  const flaw = textFlaw(value)
  if (flaw !== undefined) throw new KongTaskError('KT_OPTION_INVALID', `\`error\` ${flaw}.`)
  return value
}

interface Edges {
  readonly from: string | undefined
  readonly to: string | undefined
}

function range(value: unknown, option: string): Edges {
  if (value === undefined) return { from: undefined, to: undefined }
  if (!isPlainObject(value)) throw invalid(option, value, 'must be { from, to }')
  const { from, to } = readOptions(value, RANGE, option)
  return {
    from: maybe(from, (edge) => parseInstant(edge, `${option}.from`)),
    to: maybe(to, (edge) => parseInstant(edge, `${option}.to`)),
  }
}
