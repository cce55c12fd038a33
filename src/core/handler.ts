import type { StandardSchemaV1 } from '@standard-schema/spec'
import { KongTaskError } from './errors.ts'
import type { JobContext } from './job-context.ts'
import type { TaskSchedule } from './schedule.ts'
import { showValue } from './show-value.ts'
import { isTask, type AnyTask, type OutputOf } from './task.ts'

/**
 * The function that performs a task. What it returns is stored as the job's result (plain JSON, or nothing);
 * it may also return `snooze(...)` or `cancel(...)`. What it throws means: try again.
 */
export type Handler<Payload = unknown> = (payload: Payload, context: JobContext) => unknown

/**
 * An object or class instance that performs a task. `handle` is called as its method, so it may use `this`. The
 * payload is unvalidated unless there is a schema in `payload`.
 */
export interface TaskObject {
  readonly name: string
  readonly payload?: StandardSchemaV1 | undefined
  // Method syntax: an implementation may then say what payload it expects.
  handle(payload: unknown, context: JobContext): unknown
  /** When jobs of this task come by themselves: cron expressions, with payload and options where that is not all. */
  schedule?(): string | TaskSchedule | readonly (string | TaskSchedule)[]
}

/** A contract together with its handler, for the `tasks` of a runner. */
export interface HandledTask extends TaskObject {
  readonly task: AnyTask
}

/**
 * Joins a contract and the function that performs it; the payload arrives as the schema's output.
 *
 * @throws KT_TASK_INVALID
 */
export function handle<T extends AnyTask>(task: T, handler: Handler<OutputOf<T>>): HandledTask {
  if (!isTask(task)) {
    throw new KongTaskError(
      'KT_TASK_INVALID',
      `handle: the first argument must be what defineTask returned, not ${showValue(task)}.`,
    )
  }
  if (typeof handler !== 'function') {
    throw new KongTaskError(
      'KT_TASK_INVALID',
      `handle: the handler of task "${task.name}" must be a function, not ${showValue(handler)}.`,
    )
  }
  return Object.freeze({ name: task.name, task, handle: handler })
}
