import pg from 'pg'
// The engine's own statements, one at a time: a runner around them would be measured, too.
import type { ClaimedJob } from '../../src/store/claim-jobs.ts'
import { pgDatabase } from '../../src/store/pg-database.ts'
import { createStore } from '../../src/store/store.ts'
import { DUE, NO_WAIT, PRIORITY, type BacklogQueue, type Fill } from '../loads/backlog.ts'

const HOUR = 3_600_000
const DEFAULT_QUEUE = 1

/** The rows that insert_jobs writes for plain jobs of one task, were it called at these times, in a fraction of the time. */
const fillWith = ({ due }: Fill): string => `
  insert into kongtask.jobs (id, run_at, created_at, queue_id, task_id, retain_s, lane, max_attempts, payload)
  select nextval('kongtask.job_ids'), ${DUE[due]}, clock_timestamp() - interval '7 days', ${DEFAULT_QUEUE},
         (select id from kongtask.tasks where name = 'backlog'), 0, ${PRIORITY[due]}, 25, jsonb_build_object('n', n)
    from generate_series(1, $1::int4) n`

/** Claims as a runner's, without anything else that a runner does. */
export async function kongTaskBacklog(connectionString: string): Promise<BacklogQueue> {
  const pool = new pg.Pool({ connectionString, max: 1, options: NO_WAIT })
  const store = createStore(pgDatabase(pool, HOUR), 'kongtask')
  await store.migrate()
  const { tasks } = await store.publish({ backlog: null }, null)
  const registration = await store.registerWorker(HOUR, {})
  let claim = 0
  let jobs: readonly ClaimedJob[] = []
  return {
    put: async (fill) => void (await pool.query(fillWith(fill), [fill.jobs])),
    rest: async () => {
      await pool.query('vacuum (analyze) kongtask.jobs')
      await pool.query('checkpoint')
    },
    claim: async (most) => {
      claim += 1
      ;({ jobs } = await store.claimJobs({
        ...registration,
        claim,
        queues: 'all',
        total: most,
        tasks: [...tasks.values()],
      }))
      return jobs.length
    },
    complete: async () => {
      const { refused } = await store.settleJobs({
        worker: registration.worker,
        queue: DEFAULT_QUEUE,
        jobs: jobs.map((job) => ({ ...job, settlement: { kind: 'completed', result: undefined } })),
        closed: [claim],
      })
      if (refused.size > 0) throw new Error('Jobs were lost: the measurement is void.')
    },
    close: () => pool.end(),
  }
}
