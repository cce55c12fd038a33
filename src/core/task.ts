import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Json } from './json.ts'
import type { RequireJson } from './json-of.ts'
import { checkTaskName } from './names.ts'
import { invalid } from './option-values.ts'
import { checkSchema } from './payload-schema.ts'
import { checkUpcast, checkVersion, FIRST_VERSION, type Upcast } from './payload-version.ts'
import { isPlainObject, readOptions } from './plain-object.ts'
import { checkTaskOptions, TASK_OPTIONS, type TaskDefaults, type TaskOptions } from './task-options.ts'

/**
 * A kind of work as a contract: a name, what its payload must look like, defaults. It holds no handler code, so
 * the process that only adds jobs can import it. `In` is what is added, `Out` what the handler receives: they
 * differ where the schema transforms.
 */
export interface Task<Name extends string = string, In = unknown, Out = In> {
  readonly name: Name
  /** The validator of payloads, where there is one. */
  readonly schema: StandardSchemaV1 | undefined
  /** Payloads are JSON text, passed on unparsed in both directions. */
  readonly raw: boolean
  /** Of the shape of its payloads; jobs are added with it. Absent in what a copy of the package without versions made: 1. */
  readonly version?: number
  /** Brings older payloads to that version. */
  readonly upcast?: Upcast | undefined
  readonly defaults: TaskDefaults
  /** Says that `defineTask` made and checked it, in this copy of the package or another. */
  readonly '~task': 1
  /** Carries the two types for the compiler; never set. */
  readonly '~types'?: (payload: In) => Out
}

/** Any task, whatever its payload. */
export type AnyTask = Task<string, never, unknown>

/** A task that takes any JSON, having no schema and no declared payload. */
export type OpenTask = Task<string, unknown, unknown>

/** What is passed to `addJob` for a task; for one of several tasks, what fits them all. */
export type InputOf<T extends AnyTask> = [T] extends [Task<string, infer In, unknown>] ? In : never

/** What a task's handler receives: the schema's output. */
export type OutputOf<T extends AnyTask> = T extends Task<string, never, infer Out> ? Out : never

/** The version of a task's payloads. `In`: what `upcast` has to return. */
export interface VersionOptions<In> {
  /**
   * The version of the payload's shape, a whole number from 1. Raise it with a change that the handler could not bear in
   * payloads that are queued already. Jobs remember under which version they were added; those of a newer one than a
   * process knows wait for a process with newer code. @default 1
   */
  readonly version?: number | undefined
  /**
   * Brings the payload of a job of an older version to this one, before the schema checks it and the handler runs. Where it
   * throws, or what it returns does not fit, the job is a dead letter (`KT_PAYLOAD_UPCAST`).
   *
   * @example
   * version: 2,
   * upcast: (payload, from) => ({ ...v1.parse(payload), locale: 'en' }),
   */
  readonly upcast?: Upcast<In> | undefined
}

const KNOWN: ReadonlySet<string> = new Set(['payload', 'raw', 'version', 'upcast', ...TASK_OPTIONS])

/**
 * Defines a task whose payload is JSON text that nobody on the way parses: `addJob` takes the text, the handler
 * receives it, as the database prints it. For large payloads, and numbers that JavaScript cannot hold.
 */
export function defineTask<const Name extends string>(
  name: Name,
  options: TaskOptions & VersionOptions<string> & { readonly raw: true; readonly payload?: undefined },
): Task<Name, string, string>
/**
 * Defines a task without a schema. Its payload is only known to be JSON; declare what it is, unchecked, with
 * `defineTask<'resize', { file: string }>('resize')`.
 */
export function defineTask<const Name extends string, In = unknown>(
  name: Name,
  options?: TaskOptions &
    VersionOptions<NoInfer<In>> & { readonly payload?: undefined; readonly raw?: false | undefined },
): Task<Name, In, unknown extends In ? Json : In>
/**
 * Defines a task whose payload is checked by a schema (any Standard Schema: zod, valibot, arktype ...): when a
 * job is added, and again before the handler runs.
 *
 * @throws KT_NAME_INVALID, KT_TASK_INVALID (no schema), KT_OPTION_UNKNOWN, KT_OPTION_INVALID, KT_DURATION_INVALID
 * @example
 * const sendEmail = defineTask('send_email', { payload: z.object({ to: z.string() }), maxAttempts: 5 })
 */
export function defineTask<const Name extends string, Schema extends StandardSchemaV1>(
  name: Name,
  options: TaskOptions &
    VersionOptions<NoInfer<StandardSchemaV1.InferInput<Schema>>> & {
      readonly payload: Schema & RequireJson<StandardSchemaV1.InferInput<Schema>>
      readonly raw?: false | undefined
    },
): Task<Name, StandardSchemaV1.InferInput<Schema>, StandardSchemaV1.InferOutput<Schema>>
export function defineTask(
  name: string,
  options?: TaskOptions &
    VersionOptions<unknown> & {
      readonly payload?: StandardSchemaV1 | undefined
      readonly raw?: boolean | undefined
    },
): Task<string, never, unknown> {
  checkTaskName(name)
  const given = readOptions(options, KNOWN, `defineTask('${name}')`)
  const schema = given['payload'] === undefined ? undefined : checkSchema(given['payload'], name)
  const { raw = false } = given
  if (typeof raw !== 'boolean') throw invalid('raw', raw, 'must be true or false')
  if (raw && schema !== undefined) {
    throw invalid(
      'raw',
      raw,
      'passes text on unparsed, so there is nothing for a schema in `payload` to check',
    )
  }
  const version = given['version'] === undefined ? FIRST_VERSION : checkVersion(given['version'])
  const upcast = checkUpcast(given['upcast'], version)
  return Object.freeze({
    name,
    schema,
    raw,
    version,
    upcast,
    defaults: checkTaskOptions(given),
    '~task': 1,
  })
}

/** Whether `defineTask` made it. */
export function isTask(value: unknown): value is AnyTask {
  if (typeof value !== 'object' || value === null) return false
  try {
    // One that another copy of the package made looks the same, and what only pretends need not.
    return '~task' in value && value['~task'] === 1 && 'defaults' in value && isPlainObject(value.defaults)
  } catch {
    // A proxy that does not want to be looked at.
    return false
  }
}
