import type { StandardSchemaV1 } from '@standard-schema/spec'
import { KongTaskError } from '../core/errors.ts'
import { checkJobOptions, type CheckedJobOptions } from '../core/job-options.ts'
import { jsonPath } from '../core/json-path.ts'
import { isLargerThan, jsonText } from '../core/json-text.ts'
import { checkTaskName } from '../core/names.ts'
import { suggestion } from '../core/near-miss.ts'
import type { NewJob } from '../core/new-job.ts'
import { parsePayload } from '../core/payload-schema.ts'
import { showValue } from '../core/show-value.ts'
import { isTask, type AnyTask } from '../core/task.ts'

export interface NewJobRules {
  /** Bytes of JSON text that a payload may have. */
  readonly maxPayload: number
  /** The only task names that are accepted; any, where absent. */
  readonly known?: ReadonlySet<string> | undefined
}

/** Turns what was passed to `addJob` into a job to write; a promise only where the schema validates so. */
export type MakeNewJob = (task: unknown, payload: unknown, options: unknown) => NewJob | Promise<NewJob>

/**
 * Everything that a job passes before it reaches the database: names, options, JSON, size, schema. The payload is
 * validated as the worker will see it, after a JSON round trip, and stored as it was given: transforms and
 * defaults of the schema run in the worker.
 */
export function newJobMaker({ maxPayload, known }: NewJobRules): MakeNewJob {
  return (task, payload, options) => {
    const contract = readContract(task)
    const name = checkTaskName(contract?.name ?? task)
    if (known?.has(name) === false) throw unknownTask(name, known)
    const checked = checkJobOptions(options)
    const text = payload === undefined ? '{}' : payloadText(name, payload, maxPayload)
    const job: NewJob = { ...defaultsOf(contract), ...checked, task: name, payload: text }
    const schema = contract?.schema
    return schema === undefined ? job : ifValid(schema, job)
  }
}

function readContract(task: unknown): AnyTask | undefined {
  if (typeof task === 'string') return undefined
  if (isTask(task)) return task
  throw new KongTaskError(
    'KT_TASK_INVALID',
    `The task must be what defineTask returned, or a task's name, not ${showValue(task)}.`,
  )
}

function unknownTask(name: string, known: ReadonlySet<string>): KongTaskError {
  return new KongTaskError(
    'KT_TASK_UNKNOWN',
    `This client knows no task "${name}".${suggestion(name, known)} Correct the name, or add the task to the client's \`tasks\`.`,
  )
}

function defaultsOf(contract: AnyTask | undefined): CheckedJobOptions | undefined {
  if (contract === undefined) return undefined
  // The policy of retrying is the worker's business.
  const { backoff: _backoff, ...defaults } = contract.defaults
  return defaults
}

function payloadText(task: string, payload: unknown, maxPayload: number): string {
  const text = jsonText(payload, ({ path, why }) => {
    const where = path.length === 0 ? 'The payload' : `In the payload, \`${jsonPath(path)}\``
    return new KongTaskError('KT_PAYLOAD_NOT_JSON', `${where} of task "${task}" ${why}.`)
  })
  if (!isLargerThan(text, maxPayload)) return text
  throw new KongTaskError(
    'KT_PAYLOAD_TOO_LARGE',
    `The payload of task "${task}" is larger than ${maxPayload} bytes as JSON. Store the data elsewhere and pass a reference, or raise the client's \`maxPayload\`.`,
  )
}

function ifValid(schema: StandardSchemaV1, job: NewJob): NewJob | Promise<NewJob> {
  try {
    const output = parsePayload(job.task, schema, JSON.parse(job.payload))
    return output instanceof Promise
      ? output.then(
          () => job,
          (error: unknown) => refuse(job, error),
        )
      : job
  } catch (error) {
    return refuse(job, error)
  }
}

function refuse(job: NewJob, error: unknown): never {
  if (error instanceof KongTaskError) throw error
  throw new KongTaskError(
    'KT_PAYLOAD_INVALID',
    `The schema of task "${job.task}" threw instead of judging the payload; the cause has the error.`,
    { cause: error },
  )
}
