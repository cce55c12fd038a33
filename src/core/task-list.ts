import { CHUNK, type ChunkSpec } from './chunk.ts'
import { KongTaskError } from './errors.ts'
import type { TaskObject } from './handler.ts'
import type { JobContext } from './job-context.ts'
import type { PayloadRules } from './decode-payload.ts'
import { checkTaskName } from './names.ts'
import { checkSchema } from './payload-schema.ts'
import { FIRST_VERSION } from './payload-version.ts'
import { isPlainObject } from './plain-object.ts'
import { readTaskSchedules, type ScheduleSpec } from './schedule.ts'
import { showText, showValue } from './show-value.ts'
import { isTask, type AnyTask } from './task.ts'
import type { TaskDefaults } from './task-options.ts'

/** In a record the key is the name, except of what has a name of its own. */
export type TaskRecord = Readonly<Record<string, TaskFunction | KeyedTaskObject>>

type KeyedTaskObject = Omit<TaskObject, 'name'> & { readonly name?: string | undefined }

/** What a runner performs: a record of functions by name, or an array of `handle(...)` results and task objects. */
export type TaskList = TaskRecord | readonly TaskObject[]

/** How a plain function is accepted: with whatever payload it says that it expects. */
export type TaskFunction = TaskObject['handle']

/** One task as the worker uses it, whatever form it was given in. */
export interface TaskEntry extends PayloadRules {
  /** Where there is a contract: what it says of its jobs, for this process and, published, for all that add. */
  readonly defaults: TaskDefaults
  readonly hasContract: boolean
  readonly handle: (payload: unknown, context: JobContext) => unknown
  /** Where many of its jobs are performed in one call. */
  readonly chunk?: ChunkSpec | undefined
  /** What its object says of when it comes by itself. */
  readonly schedules?: (() => readonly ScheduleSpec[]) | undefined
}

const NO_DEFAULTS: TaskDefaults = Object.freeze({})

/**
 * The tasks by name.
 *
 * @throws KT_TASK_INVALID, KT_TASK_DUPLICATE, KT_NAME_INVALID
 */
export function readTaskList(tasks: unknown): ReadonlyMap<string, TaskEntry> {
  const entries = new Map<string, TaskEntry>()
  for (const [key, value] of valuesOf(tasks)) {
    const entry = readEntry(key, value)
    if (entries.has(entry.name)) {
      throw new KongTaskError('KT_TASK_DUPLICATE', `The task "${entry.name}" is in the task list twice.`)
    }
    entries.set(entry.name, entry)
  }
  return entries
}

/** Tasks with or without handlers: a task list, or contracts. */
export type KnownTasks = TaskList | readonly AnyTask[] | Readonly<Record<string, AnyTask>>

/**
 * What tasks say of their payloads, by name; they are given as a task list, or as contracts without handlers.
 *
 * @throws KT_TASK_INVALID, KT_TASK_DUPLICATE, KT_NAME_INVALID
 */
export function readPayloadRules(tasks: unknown): ReadonlyMap<string, PayloadRules> {
  const all = new Map<string, PayloadRules>()
  for (const [key, value] of valuesOf(tasks)) {
    const rules = isTask(value) ? rulesOf(value) : readEntry(key, value)
    if (all.has(rules.name)) {
      throw new KongTaskError('KT_TASK_DUPLICATE', `The task "${rules.name}" is in the task list twice.`)
    }
    all.set(rules.name, rules)
  }
  return all
}

/** The names of these. @throws KT_TASK_INVALID, KT_TASK_DUPLICATE, KT_NAME_INVALID */
export function readTaskNames(tasks: unknown): ReadonlySet<string> {
  return new Set(readPayloadRules(tasks).keys())
}

function rulesOf({ name, schema, raw, version = FIRST_VERSION, upcast }: AnyTask): PayloadRules {
  return { name: checkTaskName(name), schema, raw, version, upcast }
}

function valuesOf(tasks: unknown): Iterable<readonly [key: string | number, value: unknown]> {
  if (Array.isArray(tasks)) return tasks.entries()
  if (isPlainObject(tasks) || isModule(tasks)) return Object.entries(tasks)
  throw new KongTaskError(
    'KT_TASK_INVALID',
    `\`tasks\` must be an array or a record of tasks, not ${showValue(tasks)}.`,
  )
}

// `import * as tasks from './tasks.ts'`
function isModule(value: unknown): value is object {
  return Object.prototype.toString.call(value) === '[object Module]'
}

function readEntry(key: string | number, value: unknown): TaskEntry {
  if (isHandlerFunction(value)) return readFunction(key, value)
  if (isHandlerObject(value)) return readObject(key, value)
  if (isTask(value)) throw invalid(key, 'is a contract without a handler; use handle(task, fn)')
  throw invalid(key, `must be a handler or have a method \`handle\`; it is ${showValue(value)}`)
}

function readFunction(key: string | number, handler: TaskFunction): TaskEntry {
  if (typeof key === 'number') {
    throw invalid(key, 'is a function, which has no task name; use a record, or handle(task, fn)')
  }
  return Object.freeze({
    name: checkTaskName(key),
    defaults: NO_DEFAULTS,
    hasContract: false,
    schema: undefined,
    raw: false,
    handle: handler,
  })
}

function readObject(key: string | number, object: HandlerObject): TaskEntry {
  const name = checkTaskName(object.name ?? (typeof key === 'string' ? key : undefined))
  const contract = isTask(object.task) ? object.task : undefined
  const schema = object.payload === undefined ? contract?.schema : checkSchema(object.payload, name)
  return Object.freeze({
    name,
    defaults: contract?.defaults ?? NO_DEFAULTS,
    hasContract: contract !== undefined,
    schema,
    raw: contract?.raw ?? false,
    version: contract === undefined ? undefined : (contract.version ?? FIRST_VERSION),
    upcast: contract?.upcast,
    // Looked up at each call, so that `this` is the object and a test may replace the method.
    handle: (payload: unknown, context: JobContext) => object.handle(payload, context),
    chunk: object[CHUNK],
    schedules: readSchedule(object, contract ?? name),
  })
}

/** A method of that name which takes something is about something else. */
function readSchedule(
  object: HandlerObject,
  task: AnyTask | string,
): (() => readonly ScheduleSpec[]) | undefined {
  if (!('schedule' in object) || !isFree(object.schedule) || object.schedule.length > 0) return undefined
  return () =>
    readTaskSchedules(task, 'schedule' in object && isFree(object.schedule) ? object.schedule() : undefined)
}

function isFree(value: unknown): value is (this: unknown) => unknown {
  return typeof value === 'function'
}

/** A task object whose other properties are anybody's: a class may have whatever it needs. */
interface HandlerObject {
  readonly name?: unknown
  readonly payload?: unknown
  readonly task?: unknown
  /** Nobody sets it but `handleChunk`. */
  readonly [CHUNK]?: ChunkSpec
  handle(payload: unknown, context: JobContext): unknown
}

function isHandlerObject(value: unknown): value is HandlerObject {
  return (
    typeof value === 'object' && value !== null && 'handle' in value && typeof value.handle === 'function'
  )
}

function isHandlerFunction(value: unknown): value is TaskFunction {
  return typeof value === 'function'
}

function invalid(key: string | number, why: string): KongTaskError {
  const where = typeof key === 'number' ? `tasks[${key}]` : `tasks[${showText(key)}]`
  return new KongTaskError('KT_TASK_INVALID', `${where} ${why}.`)
}
