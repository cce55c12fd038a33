import type { KongTask } from '../client/client.ts'
import { KongTaskError } from '../core/errors.ts'
import { suggestion } from '../core/near-miss.ts'
import { showText } from '../core/show-value.ts'
import type { ProjectTasks } from './project-tasks.ts'

/** Refuses a task that neither the project nor a process that works has. @throws KT_TASK_UNKNOWN */
export async function checkKnownTask(
  name: string,
  { names }: ProjectTasks,
  kong: Pick<KongTask, 'tasks'>,
): Promise<void> {
  if (names.includes(name)) return
  const others = (await kong.tasks.list()).map((task) => task.name)
  if (others.includes(name)) return
  const all = [...names, ...others]
  throw new KongTaskError(
    'KT_TASK_UNKNOWN',
    `There is no task ${showText(name)}.${suggestion(name, all) || ` There are: ${all.join(', ')}.`} With --any-task it is added all the same, and waits for a worker that knows it.`,
  )
}
