// A job as a line of a file: what `kongtask export` writes and `kongtask import json` reads. docs/moving.md has all of it.
import { KongTaskError } from './errors.ts'
import { parseInstant } from './instant.ts'
import { checkJobOptions } from './job-options.ts'
import { rawJsonText } from './json-text.ts'
import { memberText } from './member-text.ts'
import { checkTaskName } from './names.ts'
import type { NewJobOptions } from './new-job.ts'
import { checkInteger, invalid } from './option-values.ts'
import { isPlainObject, readOptions, type PlainObject } from './plain-object.ts'
import { showText, showValue } from './show-value.ts'
import { storableText } from './storable-text.ts'
import type { JobState } from './job.ts'

export const JOB_LINE_FORMAT = 'kongtask.job/1'

/** The last thing that went wrong with a job. */
export interface LastError {
  readonly name: string
  readonly message: string
  /** ISO 8601, in UTC. */
  readonly at: string
}

/** A line, checked. */
export interface JobLine {
  /** Which database it was exported from. */
  readonly from: string | undefined
  /** Its id there. */
  readonly id: string | undefined
  /** As it stands there. */
  readonly task: string
  /** JSON text, as it stands in the line. */
  readonly payload: string
  readonly state: JobState
  readonly options: NewJobOptions
  readonly attempt: number
  readonly createdAt: string | undefined
  readonly error: LastError | undefined
  /** Of a payload that is encrypted: the id of its key. */
  readonly encryptionKey: string | undefined
}

/** Of the members of a line, those that are options of `addJob`. */
const OPTIONS = [
  'queue',
  'priority',
  'maxAttempts',
  'scheduledAt',
  'timeout',
  'retain',
  'uniqueKey',
  'serialKey',
  'concurrency',
  'rateLimit',
  'tags',
  'flags',
  'metadata',
  'version',
] as const
const MEMBERS: ReadonlySet<string> = new Set([
  'format',
  'from',
  'id',
  'task',
  'state',
  ...OPTIONS,
  'attempt',
  'createdAt',
  'finishedAt',
  'error',
  'encryptionKey',
  'payload',
])
const STATES: readonly JobState[] = ['scheduled', 'ready', 'running', 'completed', 'dead', 'cancelled']
const OF_ERROR: ReadonlySet<string> = new Set(['name', 'message', 'at'])
const LONGEST_ORIGIN = 512
const LONGEST_MESSAGE = 10_000

/**
 * One line. Only `task` must be there.
 *
 * @throws KT_PAYLOAD_NOT_JSON, and as `addJob` does
 */
export function readJobLine(text: string): JobLine {
  const line = readOptions(parsed(text), MEMBERS, 'a job')
  const { format = JOB_LINE_FORMAT, attempt = 0, state = 'ready', payload } = line
  if (format !== JOB_LINE_FORMAT) throw invalid('format', format, `must be ${showText(JOB_LINE_FORMAT)}`)
  return {
    from: origin(line['from'], 'from'),
    id: origin(line['id'], 'id'),
    // Whether it is one of ours is looked at when it has its name of here.
    task: typeof line['task'] === 'string' ? line['task'] : checkTaskName(line['task']),
    payload: payload === undefined ? '{}' : rawJsonText(memberText(text, 'payload'), notJson),
    state: checkState(state),
    options: checkJobOptions(optionsOf(line)),
    attempt: checkInteger(attempt, 'attempt', 0, 32_767),
    createdAt: line['createdAt'] === undefined ? undefined : parseInstant(line['createdAt'], 'createdAt'),
    error: line['error'] === undefined ? undefined : readError(line['error']),
    encryptionKey: origin(line['encryptionKey'], 'encryptionKey'),
  }
}

function parsed(text: string): PlainObject {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new KongTaskError('KT_PAYLOAD_NOT_JSON', `This is not JSON: ${why}.`, { cause })
  }
  if (isPlainObject(value)) return value
  throw new KongTaskError('KT_PAYLOAD_NOT_JSON', `A job is an object, not ${showValue(value)}.`)
}

function optionsOf(line: PlainObject): PlainObject {
  return Object.fromEntries(OPTIONS.map((option) => [option, line[option]]))
}

function notJson({ why }: { readonly why: string }): KongTaskError {
  return new KongTaskError('KT_PAYLOAD_NOT_JSON', `The payload ${why}.`)
}

function origin(value: unknown, member: string): string | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'string' && value !== '' && value === storableText(value, LONGEST_ORIGIN)) return value
  throw invalid(member, value, `must be text of 1 to ${LONGEST_ORIGIN} characters`)
}

function checkState(value: unknown): JobState {
  const state = STATES.find((known) => known === value)
  if (state === undefined) throw invalid('state', value, `must be one of ${STATES.join(', ')}`)
  return state
}

function readError(value: unknown): LastError {
  const { name, message, at } = readOptions(value, OF_ERROR, '`error`')
  if (typeof name !== 'string') throw invalid('error.name', name, 'must be text')
  if (typeof message !== 'string') throw invalid('error.message', message, 'must be text')
  return {
    name: storableText(name, 200),
    message: storableText(message, LONGEST_MESSAGE),
    at: parseInstant(at, 'error.at'),
  }
}
