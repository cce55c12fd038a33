import pg from 'pg'
import { PgBoss, type Job, type JobResult, type WorkOptions } from 'pg-boss'
import type { JobSystem, Lane, OpenOptions } from '../loads/job-system.ts'

/**
 * What its page on workers has for throughput: batches, one after the other while they are full, and several at once. Each job
 * of a batch is settled by what its own handler did, as with the others; that costs it nothing that can be measured.
 */
const TUNED = {
  batchSize: 500,
  localConcurrency: 4,
  burstWhenBatchFull: true,
  perJobResults: true,
  pollingIntervalSeconds: 0.5,
} as const satisfies WorkOptions

/** Jobs per call of insert. */
const CHUNK = 5_000

export async function openPgBoss(options: OpenOptions): Promise<JobSystem> {
  const { connectionString, configuration, queues, isFirst } = options
  const isTuned = configuration === 'tuned'
  const pool = new pg.Pool({ connectionString, max: 1 })
  if (isFirst) await pool.query('drop schema if exists pgboss cascade')
  const boss = new PgBoss({ connectionString, useListenNotify: isTuned })
  boss.on('error', (error) => console.error(`pg-boss: ${error.message}`))
  await boss.start()
  if (isFirst)
    for (const queue of queues)
      await boss.createQueue(queue, isTuned ? { notify: true, partition: true } : {})
  return {
    add: async (queue, payloads) => {
      const jobs = payloads.map((data) => ({ data }))
      for (let from = 0; from < jobs.length; from += CHUNK)
        await boss.insert(queue, jobs.slice(from, from + CHUNK))
    },
    settleDown: () => pool.query('vacuum (analyze)'),
    work: async (lanes) => {
      for (const { queue, concurrency, handler } of lanes) {
        const each = (jobs: readonly Job[]): Promise<JobResult[]> =>
          Promise.all(jobs.map((job) => resultOf(job, handler)))
        const only = async ([job]: readonly Job[]): Promise<void> => handler(job?.data)
        await (isTuned ? boss.work(queue, tunedFor(concurrency), each) : boss.work(queue, {}, only))
      }
      return { stop: async () => void (await Promise.all(lanes.map(({ queue }) => boss.offWork(queue)))) }
    },
    isEmpty: async (queue) => {
      const { rows } = await pool.query<{ left: boolean }>(
        "select exists (select from pgboss.job where name = $1 and state < 'completed') as left",
        [queue],
      )
      return rows[0]?.left === false
    },
    close: async () => {
      await boss.stop()
      await pool.end()
    },
  }
}

async function resultOf({ id, data }: Job, handler: Lane['handler']): Promise<JobResult> {
  try {
    await handler(data)
    return { id, status: 'completed' }
  } catch (error) {
    console.error(error)
    return { id, status: 'failed' }
  }
}

/** Handlers at once are its workers times their batch: one worker with a batch of so many was the fastest. */
function tunedFor(concurrency: number | undefined): WorkOptions {
  return concurrency === undefined ? TUNED : { ...TUNED, batchSize: concurrency, localConcurrency: 1 }
}
