import pg from 'pg'
import { KongTask, run } from 'kongtask'
import type { JobSystem, OpenOptions } from '../loads/job-system.ts'

const nothing = (): void => undefined
const silent = { debug: nothing, info: nothing, warn: console.warn, error: console.error }

const DEFAULT_CONCURRENCY = 10

/** As anybody sets it up, with the history that it keeps by default. Each queue has a task of its name. */
export async function openKongTask({ connectionString, isFirst }: OpenOptions): Promise<JobSystem> {
  const pool = new pg.Pool({ connectionString, max: 1 })
  if (isFirst) await pool.query('drop schema if exists kongtask cascade')
  const kong = new KongTask({ connectionString })
  if (isFirst) await kong.migrate()
  return {
    add: (queue, payloads) => kong.addJobs(payloads.map((payload) => ({ task: queue, payload, queue }))),
    settleDown: () => pool.query('vacuum (analyze) kongtask.jobs'),
    work: async (lanes) => {
      // Its default serves every queue, ten jobs at a time; queues by name have ten of their own here, too.
      const isByName = lanes.length > 1 || lanes.some(({ concurrency }) => concurrency !== undefined)
      const queues = lanes.map(
        ({ queue, concurrency = DEFAULT_CONCURRENCY }) => [queue, concurrency] as const,
      )
      const runner = await run({
        connectionString,
        migrate: false,
        logger: silent,
        ...(isByName ? { queues: Object.fromEntries(queues) } : {}),
        tasks: Object.fromEntries(
          lanes.map(({ queue, handler }) => [queue, async (payload: unknown) => handler(payload)]),
        ),
      })
      return { stop: () => runner.stop() }
    },
    isEmpty: async (queue) => {
      const { rows } = await pool.query<{ left: boolean }>(
        `select exists (
           select from kongtask.jobs j join kongtask.queues q on q.id = j.queue_id where q.name = $1) as left`,
        [queue],
      )
      return rows[0]?.left === false
    },
    close: async () => {
      await kong.close()
      await pool.end()
    },
  }
}
