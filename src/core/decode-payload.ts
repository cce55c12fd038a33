import type { StandardSchemaV1 } from '@standard-schema/spec'
import { KongTaskError } from './errors.ts'
import { parsePayload } from './payload-schema.ts'
import type { Upcast } from './payload-version.ts'

/** What a task says of its payloads. */
export interface PayloadRules {
  readonly name: string
  readonly schema: StandardSchemaV1 | undefined
  /** Payloads are passed on as text, unparsed. */
  readonly raw: boolean
  /** Undefined where there is no contract to say it: then payloads of every version are taken as they are. */
  readonly version?: number | undefined
  readonly upcast?: Upcast | undefined
}

/** A payload as it was added. */
export interface PayloadText {
  /** JSON. */
  readonly text: string
  readonly version: number
  /** It is encrypted at rest: errors, which are stored and logged, must not hold parts of it. */
  readonly isSecret: boolean
}

/**
 * What the handler of a task receives: parsed, brought to the task's version, validated and transformed. Synchronous
 * where schema and `upcast` are.
 *
 * @throws KT_PAYLOAD_INVALID, KT_PAYLOAD_UPCAST, KT_PAYLOAD_NEWER; of what is no secret also what the validator throws
 */
export function decodePayload(payload: PayloadText, rules: PayloadRules): unknown {
  const { version: known = payload.version, raw } = rules
  if (payload.version > known) throw newer(payload, rules)
  const stored: unknown = raw ? payload.text : JSON.parse(payload.text)
  if (payload.version === known) return validated(stored, payload, rules)
  return upcast(stored, payload, { ...rules, version: known })
}

/** Whether a payload has to wait for a process with newer code. */
export function isNewer(version: number, { version: known = version }: PayloadRules): boolean {
  return version > known
}

interface Versioned extends PayloadRules {
  readonly version: number
}

function validated(stored: unknown, { isSecret }: PayloadText, { name, schema }: PayloadRules): unknown {
  return schema === undefined ? stored : parsePayload(name, schema, stored, isSecret)
}

function upcast(stored: unknown, payload: PayloadText, rules: Versioned): unknown {
  if (rules.upcast === undefined) throw failed(payload, rules, 'the task has no `upcast`')
  const failure = (error: unknown): never => {
    throw thrown(error, payload, rules)
  }
  let brought: unknown
  try {
    brought = rules.upcast(stored, payload.version)
  } catch (error) {
    return failure(error)
  }
  return brought instanceof Promise
    ? brought.then((value) => judged(value, payload, rules), failure)
    : judged(brought, payload, rules)
}

/** What `upcast` returned is not taken on trust. */
function judged(brought: unknown, payload: PayloadText, rules: Versioned): unknown {
  if (brought === undefined) throw failed(payload, rules, '`upcast` returned nothing')
  if (rules.raw && typeof brought !== 'string') {
    throw failed(payload, rules, '`upcast` of a raw task must return text')
  }
  const failure = (error: unknown): never => {
    throw unfit(error, payload, rules)
  }
  try {
    const output = validated(brought, payload, rules)
    return output instanceof Promise ? output.catch(failure) : output
  } catch (error) {
    return failure(error)
  }
}

function newer({ version }: PayloadText, { name, version: known }: PayloadRules): KongTaskError {
  return new KongTaskError(
    'KT_PAYLOAD_NEWER',
    `The job is of version ${version} of task "${name}", and this process knows versions up to ${known}. It waits for a process that runs newer code.`,
  )
}

function thrown(error: unknown, payload: PayloadText, rules: Versioned): KongTaskError {
  if (payload.isSecret) {
    const name = error instanceof Error ? 'an error' : 'something'
    return failed(payload, rules, `\`upcast\` threw ${name}, left out here because the payload is encrypted`)
  }
  return failed(payload, rules, `\`upcast\` threw ${shown(error)}`, error)
}

function unfit(error: unknown, payload: PayloadText, rules: Versioned): KongTaskError {
  // What was said of a secret was made fit to be told.
  return failed(payload, rules, `what \`upcast\` returned was refused: ${shown(error)}`, error)
}

function failed(
  { version }: PayloadText,
  { name, version: known }: Versioned,
  why: string,
  cause?: unknown,
): KongTaskError {
  return new KongTaskError(
    'KT_PAYLOAD_UPCAST',
    `The payload of version ${version} of task "${name}" could not be brought to version ${known}: ${why}. Mend \`upcast\` of the task, deploy, and redrive the job.`,
    cause === undefined ? undefined : { cause },
  )
}

function shown(error: unknown): string {
  return error instanceof Error
    ? `${error.name}: ${error.message.replace(/\.$/, '')}`
    : 'something that is no error'
}
