import type { StandardSchemaV1 } from '@standard-schema/spec'
import { KongTaskError } from './errors.ts'
import { jsonPath } from './json-path.ts'
import { secretPath } from './secret-path.ts'
import { showValue } from './show-value.ts'

const MOST_ISSUES = 10

/** A validator as Standard Schema describes it. @throws KT_TASK_INVALID */
export function checkSchema(value: unknown, task: string): StandardSchemaV1 {
  if (isSchema(value)) return value
  throw new KongTaskError(
    'KT_TASK_INVALID',
    `The \`payload\` of task "${task}" must be a schema (zod, valibot, arktype: any Standard Schema), not ${showValue(value)}.`,
  )
}

/**
 * Validates what JSON.parse returned; answers the schema's output, after transforms and defaults. Synchronous
 * when the validator is. What the validator itself throws passes through.
 *
 * @param isSecret nothing of the payload may be in an error: where something is wrong is told, not what the validator says
 * @throws KT_PAYLOAD_INVALID with path and message of each issue; `cause` holds the issues
 */
export function parsePayload(
  task: string,
  schema: StandardSchemaV1,
  payload: unknown,
  isSecret = false,
): unknown {
  if (isSecret) return parseSecret(task, schema, payload)
  const result = schema['~standard'].validate(payload)
  return result instanceof Promise
    ? result.then((settled) => outputOf(task, settled))
    : outputOf(task, result)
}

function parseSecret(task: string, schema: StandardSchemaV1, payload: unknown): unknown {
  const silenced = (): never => {
    throw new KongTaskError(
      'KT_PAYLOAD_INVALID',
      `The schema of task "${task}" threw instead of judging the payload; what it threw is left out because the payload is encrypted.`,
    )
  }
  let result: StandardSchemaV1.Result<unknown> | Promise<StandardSchemaV1.Result<unknown>>
  try {
    result = schema['~standard'].validate(payload)
  } catch {
    return silenced()
  }
  return result instanceof Promise
    ? result.then((settled) => secretOutputOf(task, settled), silenced)
    : secretOutputOf(task, result)
}

function secretOutputOf(task: string, result: StandardSchemaV1.Result<unknown>): unknown {
  if (result.issues === undefined) return result.value
  const places = result.issues.slice(0, MOST_ISSUES).map(({ path = [] }) => {
    const keys = path.map((segment) => (typeof segment === 'object' ? segment.key : segment))
    return keys.length === 0 ? 'the whole' : secretPath(keys)
  })
  throw new KongTaskError(
    'KT_PAYLOAD_INVALID',
    `The payload does not fit the schema of task "${task}" at ${[...new Set(places)].join(', ')}. What the validator says is left out because the payload is encrypted.`,
  )
}

function outputOf(task: string, result: StandardSchemaV1.Result<unknown>): unknown {
  if (result.issues === undefined) return result.value
  throw new KongTaskError(
    'KT_PAYLOAD_INVALID',
    `The payload does not fit the schema of task "${task}": ${describe(result.issues)}`,
    { cause: result.issues },
  )
}

function describe(issues: readonly StandardSchemaV1.Issue[]): string {
  const lines = issues.slice(0, MOST_ISSUES).map(describeIssue)
  if (issues.length > MOST_ISSUES) lines.push(`and ${issues.length - MOST_ISSUES} more`)
  return lines.join('; ')
}

function describeIssue({ message, path = [] }: StandardSchemaV1.Issue): string {
  const where = jsonPath(path.map((segment) => (typeof segment === 'object' ? segment.key : segment)))
  return where === '' ? message : `${where}: ${message}`
}

function isSchema(value: unknown): value is StandardSchemaV1 {
  // Arktype's schemas are functions.
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false
  if (!('~standard' in value)) return false
  const standard = value['~standard']
  return (
    typeof standard === 'object' &&
    standard !== null &&
    'validate' in standard &&
    typeof standard.validate === 'function'
  )
}
