import type { KongTask } from '../client/client.ts'
import type { JobOptions } from '../core/job-options.ts'
import type { AddedJob } from '../core/new-job.ts'
import type { TaskList } from '../core/task-list.ts'
import { isTask, type OpenTask } from '../core/task.ts'

/** Adds a job whose payload is JSON text. */
export type Add = (kong: KongTask, payload: string, options: JobOptions) => Promise<AddedJob>

/** Through the contract of the task, where it is at hand and has one: that checks the payload, and has defaults. */
export function adderOf(tasks: TaskList | undefined, name: string): Add {
  const contract = contractOf(tasks, name)
  if (contract === undefined) return (kong, text, options) => kong.addJob(name, parsed(text), options)
  return (kong, text, options) => kong.addJob(contract, contract.raw ? text : parsed(text), options)
}

function contractOf(tasks: TaskList | undefined, name: string): OpenTask | undefined {
  const all: readonly unknown[] = Object.values(tasks ?? {})
  for (const task of all) {
    const contract = typeof task === 'object' && task !== null && 'task' in task ? task.task : undefined
    if (isContract(contract) && contract.name === name) return contract
  }
  return undefined
}

/** Whatever the payload: `addJob` judges that. */
function isContract(value: unknown): value is OpenTask {
  return isTask(value)
}

function parsed(text: string): unknown {
  const payload: unknown = JSON.parse(text)
  return payload
}
