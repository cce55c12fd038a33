import type { TaskFunction, TaskRecord } from '../core/task-list.ts'
import { isTask } from '../core/task.ts'

/** A task as it stands in a record of tasks. */
export type KeyedTask = TaskRecord[string]

/**
 * The task that a module of the tasks folder performs: its default export (a function, what `handle` returned, or an object
 * with a method `handle`), or its export `handle`. Beside a function `task` (what `defineTask` returned), `payload` (a
 * schema) and `schedule` (a function that says when) may be exported.
 *
 * @throws Error that says what is missing
 */
export function taskOfModule(exports: Readonly<Record<string, unknown>>): KeyedTask {
  const { default: whole, handle } = exports
  if (isClass(whole)) throw new Error('exports a class. Export an instance of it: `export default new …()`.')
  if (isFunction(whole)) return withContract(exports, whole)
  if (isTaskObject(whole)) return whole
  if (isFunction(handle)) return withContract(exports, handle)
  if (isTask(whole) || isTask(exports['task'])) {
    throw new Error(
      'exports a contract without a handler. Use `export default handle(task, async (payload) => …)`.',
    )
  }
  throw new Error(
    'exports no task. Export a function as default, or what `handle` returned; begin its name with _ if it is no task.',
  )
}

function withContract(
  { task, payload, schedule }: Readonly<Record<string, unknown>>,
  handle: TaskFunction,
): KeyedTask {
  // Whether they are a schema and schedules is looked at where all tasks are read.
  const beside: object = {
    ...(payload === undefined ? {} : { payload }),
    ...(schedule === undefined ? {} : { schedule }),
  }
  return Object.freeze(isTask(task) ? { ...beside, name: task.name, task, handle } : { ...beside, handle })
}

function isFunction(value: unknown): value is TaskFunction {
  return typeof value === 'function'
}

function isClass(value: unknown): boolean {
  return typeof value === 'function' && /^class\b/.test(Function.prototype.toString.call(value))
}

function isTaskObject(value: unknown): value is Exclude<KeyedTask, TaskFunction> {
  return typeof value === 'object' && value !== null && 'handle' in value && isFunction(value.handle)
}
