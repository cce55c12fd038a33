import { tickAfter } from '../calendar/schedule-ticks.ts'
import { sealedJob } from '../client/sealed-job.ts'
import { KongTaskError } from '../core/errors.ts'
import { parseInstant } from '../core/instant.ts'
import { checkJobOptions } from '../core/job-options.ts'
import { isLargerThan, rawJsonText } from '../core/json-text.ts'
import { checkTaskName } from '../core/names.ts'
import type { NewJob } from '../core/new-job.ts'
import type { PayloadCipher } from '../core/payload-cipher.ts'
import type { PlainObject } from '../core/plain-object.ts'
import { specOf } from '../core/schedule.ts'
import { showText } from '../core/show-value.ts'
import type { ImportedJob } from '../store/import-jobs.ts'
import type { ScheduleDefinition } from '../store/schedules.ts'
import type { ForeignJob, ForeignSchedule } from './foreign-job.ts'
import type { Renames } from './renames.ts'

/** How what stands elsewhere becomes ours. */
export interface MappingRules {
  readonly tasks: Renames
  readonly queues: Renames
  /** Encrypts payloads; stored as they are, where absent. */
  readonly cipher: PayloadCipher | undefined
}

/** What `jsonb` takes with room to spare: a job that is there already is not refused for its size. */
const LARGEST_PAYLOAD = 64 * 1024 * 1024

/** What it is called here. */
export function taskOf(
  { task, alias }: Pick<ForeignJob, 'task' | 'alias'>,
  { tasks }: Pick<MappingRules, 'tasks'>,
): string {
  return tasks.of(alias, task) ?? task
}

/**
 * A job as it is written here. Its options are all that it has: what the task says about new jobs was not said about it.
 *
 * @throws KongTaskError that says why it cannot be one
 */
export function mappedJob(foreign: ForeignJob, rules: MappingRules): ImportedJob {
  const { key, attempt, createdAt, error } = foreign
  return {
    job: newJobOf(foreign, rules),
    key,
    attempt: Math.min(attempt, 32_766),
    createdAt: createdAt === undefined ? undefined : parseInstant(createdAt, 'createdAt'),
    error,
  }
}

/**
 * Its jobs are new ones: of them, what the task says counts. It begins behind the job that it has added already.
 *
 * @param now by the database's clock @throws likewise
 */
export function mappedSchedule(foreign: ForeignSchedule, rules: MappingRules, now: Date): ScheduleDefinition {
  const { name, expression, options, payload, planned } = foreign
  const task = checkedTask(foreign, rules)
  const queued = queueOf(foreign, rules)
  const spec = specOf({ expression, task, payload, options: { ...options, ...queued, name }, source: 'code' })
  const { tz, catchUp, within } = spec
  return {
    expression: spec.expression,
    tz,
    catchUp,
    within,
    job: newJob({ task, payload, options: spec.job ?? {}, contract: false }, rules),
    nextTick: tickAfter(spec, planned !== undefined && planned > now ? planned : now),
  }
}

function newJobOf(foreign: ForeignJob, rules: MappingRules): NewJob {
  const { payload, options, encryptionKey } = foreign
  const task = checkedTask(foreign, rules)
  const parts = { task, payload, options: { ...options, ...queueOf(foreign, rules) }, contract: true }
  if (encryptionKey === undefined) return newJob(parts, rules)
  // It opens under its own task only.
  if (task !== foreign.task) {
    throw new KongTaskError(
      'KT_OPTION_INVALID',
      `Its payload is encrypted, and opens under its task's name ${showText(foreign.task)} only: it cannot be renamed.`,
    )
  }
  return { ...newJob(parts, { cipher: undefined }), encryptionKey }
}

function checkedTask(foreign: Pick<ForeignJob, 'task' | 'alias'>, rules: MappingRules): string {
  const task = taskOf(foreign, rules)
  try {
    return checkTaskName(task)
  } catch (error) {
    if (!(error instanceof KongTaskError)) throw error
    throw new KongTaskError(
      error.code,
      `${error.message} Give it another: --task ${showText(`${task}=name`)}.`,
    )
  }
}

function queueOf(
  { queue, ownQueue }: Pick<ForeignJob, 'queue' | 'ownQueue'>,
  { queues }: MappingRules,
): PlainObject {
  const named = queues.of(queue) ?? ownQueue
  return named === undefined ? {} : { queue: named }
}

interface JobParts extends Pick<NewJob, 'task' | 'payload' | 'contract'> {
  /** Not checked yet. */
  readonly options: PlainObject
}

function newJob(
  { task, payload, options, contract }: JobParts,
  { cipher }: Pick<MappingRules, 'cipher'>,
): NewJob {
  const text = rawJsonText(
    payload,
    ({ why }) => new KongTaskError('KT_PAYLOAD_NOT_JSON', `Its payload ${why}.`),
  )
  if (isLargerThan(text, LARGEST_PAYLOAD)) {
    throw new KongTaskError('KT_PAYLOAD_TOO_LARGE', `Its payload is larger than ${LARGEST_PAYLOAD} bytes.`)
  }
  const job: NewJob = { task, payload: text, options: checkJobOptions(options), contract }
  return cipher === undefined ? job : sealedJob(job, false, cipher)
}
