import type { QueueRate } from '../core/limits.ts'
import type { QueueInfo, TaskInfo } from '../core/queue-info.ts'
import type { Queryable } from './db.ts'
import { queueRateOf, recordOf } from './rows.ts'
import {
  limitQueue as limitQueueStatement,
  listQueues as listQueuesStatement,
  listTasks as listTasksStatement,
  parkJobs as parkStatement,
  pauseQueue as pauseQueueStatement,
  pauseTask as pauseTaskStatement,
  resumeQueue as resumeQueueStatement,
  resumeTask as resumeTaskStatement,
  unparkJobs as unparkStatement,
} from './statements.generated.ts'
import { runStatement } from './statement.ts'

/** Jobs that one statement parks of a lane, or brings back: it is to take no longer than a claim may wait. */
const BATCH = 5_000

/** What `limitQueue` changes: `null` takes a limit away, undefined leaves it as it is. */
export interface NewQueueLimits {
  readonly concurrency: number | null | undefined
  readonly rateLimit: QueueRate | null | undefined
}

/** All queues; jobs are counted up to `countTo`. */
export async function listQueues(db: Queryable, schema: string, countTo: number): Promise<QueueInfo[]> {
  const rows = await runStatement(db, schema, listQueuesStatement, { limit: countTo })
  return rows.map(
    ({ name, paused_at, concurrency, rate, oldest_at, seen_at, scheduled, ready, running }) => ({
      name,
      pausedAt: paused_at ?? undefined,
      concurrency: concurrency ?? undefined,
      rateLimit: rate === null ? undefined : queueRateOf(rate),
      scheduled,
      ready,
      running,
      oldestReadyAge: oldest_at === null ? undefined : seen_at.getTime() - oldest_at.getTime(),
    }),
  )
}

/** Limits it over all processes, and lets those look that waited for a limit. */
export async function limitQueue(
  db: Queryable,
  schema: string,
  name: string,
  { concurrency, rateLimit }: NewQueueLimits,
): Promise<void> {
  await runStatement(db, schema, limitQueueStatement, {
    name,
    concurrency: concurrency === undefined ? null : JSON.stringify(concurrency),
    rate: rateLimit === undefined ? null : JSON.stringify(rateLimit),
  })
}

/** Nothing of the queue is claimed once this has resolved, and every process is told to give back what it holds ready. */
export async function pauseQueue(db: Queryable, schema: string, name: string): Promise<void> {
  await runStatement(db, schema, pauseQueueStatement, { name })
}

/** False where there is no such queue. */
export async function resumeQueue(db: Queryable, schema: string, name: string): Promise<boolean> {
  const [row] = await runStatement(db, schema, resumeQueueStatement, { name })
  return row?.known === true
}

export async function listTasks(db: Queryable, schema: string): Promise<TaskInfo[]> {
  const rows = await runStatement(db, schema, listTasksStatement, {})
  return rows.map(({ name, paused_at, workers, defaults }) => ({
    name,
    pausedAt: paused_at ?? undefined,
    workers,
    defaults: recordOf(defaults),
  }))
}

export async function pauseTask(db: Queryable, schema: string, name: string): Promise<void> {
  await runStatement(db, schema, pauseTaskStatement, { name })
}

/** False where there is no such task. */
export async function resumeTask(db: Queryable, schema: string, name: string): Promise<boolean> {
  const [row] = await runStatement(db, schema, resumeTaskStatement, { name })
  return row?.known === true
}

/** Takes jobs of paused tasks out of the way of claims. `more`: there were so many that there may be others behind. */
export async function parkJobs(
  db: Queryable,
  schema: string,
): Promise<{ readonly parked: number; readonly more: boolean }> {
  const [row] = await runStatement(db, schema, parkStatement, { limit: BATCH })
  const parked = row?.parked ?? 0
  return { parked, more: parked >= BATCH / 2 }
}

/** Brings a batch of them back where their task was resumed: how many; 0 at the end. */
export async function unparkJobs(db: Queryable, schema: string): Promise<number> {
  const [row] = await runStatement(db, schema, unparkStatement, { limit: BATCH })
  return row?.back ?? 0
}
