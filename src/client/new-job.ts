import type { StandardSchemaV1 } from '@standard-schema/spec'
import { KongTaskError } from '../core/errors.ts'
import { checkJobOptions } from '../core/job-options.ts'
import { jsonPath } from '../core/json-path.ts'
import type { JsonFlaw } from '../core/json-flaw.ts'
import { isLargerThan, jsonText, rawJsonText } from '../core/json-text.ts'
import { checkTaskName } from '../core/names.ts'
import { checkConflictHasKey } from '../core/option-values.ts'
import { suggestion } from '../core/near-miss.ts'
import type { NewJob, NewJobOptions } from '../core/new-job.ts'
import type { PayloadCipher } from '../core/payload-cipher.ts'
import { parsePayload } from '../core/payload-schema.ts'
import { FIRST_VERSION } from '../core/payload-version.ts'
import { secretPath } from '../core/secret-path.ts'
import { showValue } from '../core/show-value.ts'
import { isTask, type AnyTask } from '../core/task.ts'
import { jobDefaults } from '../core/task-options.ts'
import { sealedJob } from './sealed-job.ts'

export interface NewJobRules {
  /** Bytes of JSON text that a payload may have. */
  readonly maxPayload: number
  /** The only task names that are accepted; any, where absent. */
  readonly known?: ReadonlySet<string> | undefined
  /** Encrypts payloads; stored as they are, where absent. */
  readonly cipher?: PayloadCipher | undefined
}

/** Turns what was passed to `addJob` into a job to write; a promise only where the schema validates so. */
export type MakeNewJob = (task: unknown, payload: unknown, options: unknown) => NewJob | Promise<NewJob>

/**
 * Everything that a job passes before it reaches the database: names, options, JSON, size, schema. The payload is
 * validated as the worker will see it, after a JSON round trip, and stored as it was given, or sealed: transforms and
 * defaults of the schema run in the worker.
 */
export function newJobMaker({ maxPayload, known, cipher }: NewJobRules): MakeNewJob {
  return (task, payload, options) => {
    const contract = readContract(task)
    const name = checkTaskName(contract?.name ?? task)
    if (known?.has(name) === false) throw unknownTask(name, known)
    const checked = withDefaults(contract, checkJobOptions(options))
    const job: NewJob = {
      task: name,
      payload: payloadText(name, payload, contract?.raw === true, { maxPayload, cipher }),
      options: checked,
      contract: contract !== undefined,
    }
    const schema = contract?.schema
    const valid = schema === undefined ? job : ifValid(schema, job, cipher !== undefined)
    if (cipher === undefined) return valid
    const sealed = (plain: NewJob): NewJob => sealedJob(plain, contract?.raw === true, cipher)
    return valid instanceof Promise ? valid.then(sealed) : sealed(valid)
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

/** Contracts are made once and used for ever; the jobs of one then share one object, which bulk adding counts on. */
const defaultsByContract = new WeakMap<AnyTask, NewJobOptions>()

function defaultsOf(contract: AnyTask): NewJobOptions {
  let defaults = defaultsByContract.get(contract)
  if (defaults === undefined) {
    const { version = FIRST_VERSION } = contract
    // The first one is not stored, so that plain jobs stay plain.
    const own = version === FIRST_VERSION ? {} : { version }
    defaults = Object.freeze({ ...jobDefaults(contract.defaults), ...own })
    defaultsByContract.set(contract, defaults)
  }
  return defaults
}

/** By name, the database knows the defaults, and whether there is a key for `onConflict` among them. */
function withDefaults(contract: AnyTask | undefined, given: NewJobOptions): NewJobOptions {
  if (contract === undefined) return given
  if (given.version !== undefined) checkVersionFits(given.version, contract)
  const options = merged(defaultsOf(contract), given)
  if (given.onConflict !== undefined) checkConflictHasKey(options)
  return options
}

/** The payload is of the type that the contract has, so it is of its version. */
function checkVersionFits(given: number, { name, version = FIRST_VERSION }: AnyTask): void {
  if (given === version) return
  throw new KongTaskError(
    'KT_OPTION_INVALID',
    `\`version\` must be left out with a contract, or be its own: that of task "${name}" is ${version}, not ${given}.`,
  )
}

/**
 * A time of the call's takes the place of the delay that the task has by default, and of what is said about keeping each
 * member counts by itself.
 */
function merged(defaults: NewJobOptions, given: NewJobOptions): NewJobOptions {
  if (Object.keys(given).length === 0) return defaults
  const { scheduledIn: _scheduledIn, ...timeless } = defaults
  const options = { ...(given.scheduledAt === undefined ? defaults : timeless), ...given }
  return options.retain === undefined
    ? options
    : { ...options, retain: { ...defaults.retain, ...given.retain } }
}

function payloadText(
  task: string,
  payload: unknown,
  raw: boolean,
  { maxPayload, cipher }: Pick<NewJobRules, 'maxPayload' | 'cipher'>,
): string {
  if (payload === undefined) return '{}'
  const notJson = ({ path, why }: JsonFlaw): KongTaskError => {
    const isSecret = cipher !== undefined
    const place = isSecret ? secretPath(path) : jsonPath(path)
    const where = path.length === 0 ? 'The payload' : `In the payload, \`${place}\``
    // Of text that is no JSON, the parser quotes a piece.
    const flaw = isSecret && raw ? 'is no JSON text that can be stored' : why
    return new KongTaskError('KT_PAYLOAD_NOT_JSON', `${where} of task "${task}" ${flaw}.`)
  }
  const text = raw ? rawJsonText(payload, notJson) : jsonText(payload, notJson)
  if (!isLargerThan(text, maxPayload)) return text
  throw new KongTaskError(
    'KT_PAYLOAD_TOO_LARGE',
    `The payload of task "${task}" is larger than ${maxPayload} bytes as JSON. Store the data elsewhere and pass a reference, or raise the client's \`maxPayload\`.`,
  )
}

function ifValid(schema: StandardSchemaV1, job: NewJob, isSecret: boolean): NewJob | Promise<NewJob> {
  try {
    const output = parsePayload(job.task, schema, JSON.parse(job.payload), isSecret)
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
