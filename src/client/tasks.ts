import { KongTaskError } from '../core/errors.ts'
import { checkTaskName } from '../core/names.ts'
import type { TaskInfo } from '../core/queue-info.ts'
import { showValue } from '../core/show-value.ts'
import type { Store } from '../store/store.ts'
import { explained } from './explained.ts'

/** Tasks, as an operator steers them. */
export interface Tasks {
  /** All tasks that a runner knew, or of which a job was added or they were paused, by name. */
  list(): Promise<TaskInfo[]>
  /**
   * Starts no more jobs of this task, whatever their queue; otherwise as `queues.pause`. A task of which nobody has
   * heard yet may be paused.
   *
   * @throws KT_NAME_INVALID
   */
  pause(name: string): Promise<void>
  /**
   * Lets its jobs start again, at once where processes listen; resolves when all of them are back in line. Resuming what is not paused changes nothing.
   *
   * @throws KT_NAME_INVALID; KT_TASK_NOT_FOUND where no task has that name
   */
  resume(name: string): Promise<void>
}

export function createTasks(
  store: Pick<Store, 'listTasks' | 'pauseTask' | 'resumeTask' | 'unparkJobs'>,
): Tasks {
  return Object.freeze({
    list: async () => explained(store.listTasks()),
    pause: async (name: string) => explained(store.pauseTask(checkTaskName(name))),
    resume: async (name: string) => {
      if (await explained(store.resumeTask(checkTaskName(name)))) {
        await explained(bringBack(store))
        return
      }
      throw new KongTaskError(
        'KT_TASK_NOT_FOUND',
        `There is no task ${showValue(name)} to resume. kong.tasks.list() has those that exist.`,
      )
    },
  })
}

/** Where this process dies meanwhile, or another is at it, the runners' chores do it. */
async function bringBack(store: Pick<Store, 'unparkJobs'>): Promise<void> {
  while ((await store.unparkJobs()) > 0);
}
