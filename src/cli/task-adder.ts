import type { KongTask } from '../client/client.ts'
import type { JobOptions } from '../core/job-options.ts'
import type { AddedJob } from '../core/new-job.ts'
import { parsePayload } from '../core/payload-schema.ts'
import { readTaskList, type TaskList } from '../core/task-list.ts'
import { isTask, type OpenTask } from '../core/task.ts'
import { wholePayload } from './whole-payload.ts'

/** Adds a job whose payload is JSON text. */
export type Add = (kong: KongTask, payload: string, options: JobOptions) => Promise<AddedJob>

/**
 * Through the contract of the task, where it is at hand and has one: that checks the payload, and has defaults. Of a task
 * without, the schema checks it.
 *
 * @param isSecret nothing of the payload may be in an error
 */
export function adderOf(
  tasks: TaskList | undefined,
  name: string,
  { isSecret }: { readonly isSecret: boolean },
): Add {
  const contract = contractOf(tasks, name)
  if (contract !== undefined)
    return (kong, text, options) => kong.addJob(contract, contract.raw ? text : wholePayload(text), options)
  return async (kong, text, options) => {
    const payload = wholePayload(text)
    await checkTaskPayload(tasks, name, payload, { isSecret })
    return kong.addJob(name, payload, options)
  }
}

/**
 * What the schema of the task says, where the task is at hand and has one.
 *
 * @throws KT_PAYLOAD_INVALID
 */
export async function checkTaskPayload(
  tasks: TaskList | undefined,
  name: string,
  payload: unknown,
  { isSecret }: { readonly isSecret: boolean },
): Promise<void> {
  const schema = tasks === undefined ? undefined : readTaskList(tasks).get(name)?.schema
  if (schema !== undefined) await parsePayload(name, schema, payload, isSecret)
}

/** The contract of the task, where it is at hand and has one. */
export function contractOf(tasks: TaskList | undefined, name: string): OpenTask | undefined {
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
