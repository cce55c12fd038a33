import type { SqlPool } from '../core/sql-pool.ts'
import type { TaskList } from '../core/task-list.ts'
import { run, runOnce, type Runner } from './runner.ts'
import type { WorkingOptions } from './runner-options.ts'

/** `run`'s options with your pool; the tasks stand apart. */
export type TaskListOptions = WorkingOptions & {
  /** Your node-postgres pool, left open at the end. */
  readonly pool: SqlPool
}

/** What `runTaskList` returns. */
export interface WorkerPool extends Runner {
  /** The same as `stop()`. */
  release(): Promise<void>
  /** Resolves when the pool has stopped. */
  wait(): Promise<void>
}

/** Works the queues with a list of tasks on a pool of yours. @throws like `run` */
export async function runTaskList(tasks: TaskList, options: TaskListOptions): Promise<WorkerPool> {
  const runner = await run({ ...options, tasks })
  return { ...runner, release: () => runner.stop(), wait: () => runner.stopped }
}

/**
 * Runs what is ready, and what that adds, then resolves. It never waits for scheduled jobs, and does not reject
 * because a job failed: that job is retried later, or dead.
 *
 * @throws like `run`
 */
export function runTaskListOnce(tasks: TaskList, options: TaskListOptions): Promise<void> {
  return runOnce({ ...options, tasks })
}
