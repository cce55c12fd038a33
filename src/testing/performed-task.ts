import { KongTaskError } from '../core/errors.ts'
import type { HandledTask, TaskObject } from '../core/handler.ts'
import { readTaskList, type TaskEntry, type TaskRecord } from '../core/task-list.ts'

/** One task with its handler, in whatever form a runner takes it; of a record, its only entry. */
export type PerformedTask = HandledTask | TaskObject | TaskRecord

/** @throws KT_TASK_INVALID, KT_NAME_INVALID */
export function readPerformedTask(task: PerformedTask, caller: string): TaskEntry {
  const [entry, ...others] = readTaskList(isOne(task) ? [task] : task).values()
  if (entry !== undefined && others.length === 0) return entry
  throw new KongTaskError(
    'KT_TASK_INVALID',
    `${caller}: one task is performed, not ${others.length === 0 ? 'none' : others.length + 1}.`,
  )
}

function isOne(task: PerformedTask): task is HandledTask | TaskObject {
  return typeof task.handle === 'function' && 'name' in task && typeof task.name === 'string'
}
