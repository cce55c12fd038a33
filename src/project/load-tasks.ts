// Front door of the tasks folder: a task is a file.
import { existsSync } from 'node:fs'
import { relative, sep } from 'node:path'
import { readTaskList, type TaskRecord } from '../core/task-list.ts'
import { executableTask } from './executable-task.ts'
import { findTaskFiles, type TaskFile } from './find-task-files.ts'
import { loadModule } from './load-module.ts'
import { messageOf, Problems } from './problems.ts'
import { taskOfModule, type KeyedTask } from './task-of-module.ts'

export interface LoadedTasks {
  readonly tasks: TaskRecord
  /** Which file performs it, by the name of the task, from the working directory. */
  readonly files: ReadonlyMap<string, string>
}

/**
 * The tasks of a folder. Each file is one: `tasks/mail/welcome.ts` is `mail/welcome`, unless its contract has another name.
 *
 * @throws ProblemsError (KT_TASK_FILE_INVALID) with everything that is wrong in all of them
 */
export async function loadTasks(folder: string, cwd: string): Promise<LoadedTasks> {
  const problems = new Problems()
  const shown = (path: string): string => relative(cwd, path).split(sep).join('/') || '.'
  const found = await filesOf(folder, shown, problems)
  const tasks: Record<string, KeyedTask> = {}
  const files = new Map<string, string>()
  for (const file of found) {
    const source = shown(file.path)
    try {
      const task = await taskOf(file)
      const name = nameOf({ [file.name]: task })
      const other = files.get(name)
      if (other === undefined) {
        tasks[name] = task
        files.set(name, source)
      } else problems.add({ source, path: '', why: `is the task "${name}", which ${other} is already.` })
    } catch (error) {
      problems.add({ source, path: '', why: messageOf(error) }, error)
    }
  }
  problems.throwIfAny('KT_TASK_FILE_INVALID', 'These task files cannot be used:')
  return { tasks, files }
}

async function filesOf(
  folder: string,
  shown: (path: string) => string,
  problems: Problems,
): Promise<readonly TaskFile[]> {
  if (!existsSync(folder)) {
    problems.add({ source: shown(folder), path: '', why: 'There is no such folder of tasks.' })
    return []
  }
  return findTaskFiles(folder, (path, why) => problems.add({ source: shown(path), path: '', why }))
}

async function taskOf(file: TaskFile): Promise<KeyedTask> {
  if (file.kind === 'executable') return executableTask(file.path)
  let exports: Readonly<Record<string, unknown>>
  try {
    exports = await loadModule(file.path)
  } catch (error) {
    throw new Error(`cannot be loaded. ${messageOf(error)}`, { cause: error })
  }
  return taskOfModule(exports)
}

/** That of its contract, where it has one. @throws KongTaskError where it is no task after all */
function nameOf(record: TaskRecord): string {
  const [name = ''] = readTaskList(record).keys()
  return name
}
