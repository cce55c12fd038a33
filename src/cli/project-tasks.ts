import { relative } from 'node:path'
import { KongTaskError } from '../core/errors.ts'
import { readTaskList, type TaskList } from '../core/task-list.ts'
import { loadTasks } from '../project/load-tasks.ts'
import type { Project } from '../project/read-project.ts'

export interface ProjectTasks {
  readonly tasks: TaskList
  readonly names: readonly string[]
  /** Where each stands, by its name: of those that are files. */
  readonly files: ReadonlyMap<string, string>
}

/**
 * The tasks of a project, loaded; undefined where it has none.
 *
 * @throws ProblemsError (KT_TASK_FILE_INVALID)
 */
export async function findProjectTasks(
  { settings }: Project,
  cwd: string,
): Promise<ProjectTasks | undefined> {
  const { tasks } = settings
  if (tasks === undefined) return undefined
  if (typeof tasks !== 'string') return { tasks, names: [...readTaskList(tasks).keys()], files: new Map() }
  const loaded = await loadTasks(tasks, cwd)
  return { ...loaded, names: [...loaded.files.keys()] }
}

/** @throws KT_TASK_FILE_INVALID where there is none */
export async function loadProjectTasks(project: Project, cwd: string): Promise<ProjectTasks> {
  const found = await findProjectTasks(project, cwd)
  if (found !== undefined && found.names.length > 0) return found
  const { tasks } = project.settings
  const where = typeof tasks === 'string' ? `in ${relative(cwd, tasks) || '.'}` : 'here'
  throw new KongTaskError(
    'KT_TASK_FILE_INVALID',
    `There is no task ${where}. Write one file each into a folder "tasks", or name another folder: --tasks DIR.`,
  )
}
