import { Logger, makeWorkerUtils, run, type WorkerOptions } from 'graphile-worker'
import pg from 'pg'
import type { JobSystem, Lane, OpenOptions } from '../loads/job-system.ts'

/** Its page on performance: these gave it the most. */
const TUNED = {
  concurrentJobs: 24,
  maxPoolSize: 25,
  localQueue: { size: 500 },
  completeJobBatchDelay: 0,
  failJobBatchDelay: 0,
} as const satisfies Partial<WorkerOptions>

/** A queue is a task here: a named queue of its own runs one job at a time. */
export async function openGraphileWorker(options: OpenOptions): Promise<JobSystem> {
  const { connectionString, configuration, isFirst } = options
  const pool = new pg.Pool({ connectionString, max: 1 })
  if (isFirst) await pool.query('drop schema if exists graphile_worker cascade')
  const client = await makeWorkerUtils({ connectionString })
  if (isFirst) await client.migrate()
  let isStopping = false
  const logger = new Logger(() => (level, message) => {
    // Its local queue complains when it is stopped with jobs left, after all that counts.
    if (level === 'error' && !isStopping) console.error(`graphile-worker: ${message}`)
  })
  const start = (lanes: readonly Lane[], concurrency: number | undefined): ReturnType<typeof run> =>
    run({
      preset: {
        worker: {
          connectionString,
          ...(configuration === 'tuned' ? TUNED : {}),
          ...(concurrency === undefined ? {} : wide(concurrency)),
        },
      },
      noHandleSignals: true,
      logger,
      taskList: Object.fromEntries(lanes.map(({ queue, handler }) => [queue, handler])),
    })
  return {
    add: (queue, payloads) => client.addJobs(payloads.map((payload) => ({ identifier: queue, payload }))),
    settleDown: () => pool.query('vacuum (analyze) graphile_worker._private_jobs'),
    work: async (lanes) => {
      // Concurrency belongs to a runner here, so that each lane is a runner.
      const runners = await Promise.all(lanes.map((lane) => start([lane], lane.concurrency)))
      return {
        stop: async () => {
          isStopping = true
          await Promise.all(runners.map((runner) => runner.stop()))
          isStopping = false
        },
      }
    },
    isEmpty: async (queue) => {
      const { rows } = await pool.query<{ left: boolean }>(
        `select exists (
           select from graphile_worker._private_jobs j join graphile_worker._private_tasks t on t.id = j.task_id
            where t.identifier = $1) as left`,
        [queue],
      )
      return rows[0]?.left === false
    },
    close: async () => {
      await client.release()
      await pool.end()
    },
  }
}

/** Its page on configuration: two connections more than jobs at once. */
function wide(concurrency: number): Partial<WorkerOptions> {
  return { concurrentJobs: concurrency, maxPoolSize: Math.max(concurrency + 2, TUNED.maxPoolSize) }
}
