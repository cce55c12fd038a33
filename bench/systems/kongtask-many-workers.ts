import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { KongTask } from 'kongtask'
import type { FleetSystem } from '../processes/many-workers.ts'

const AT_ONCE = 5_000
const QUEUE = 'default'

/** Jobs that nobody may have yet are in a paused queue. Like the raw loop's they are forgotten when finished. */
export function kongTaskFleet(connectionString: string): FleetSystem {
  const pool = new pg.Pool({ connectionString, max: 1 })
  const kong = new KongTask({ connectionString })
  const ask = async (query: string): Promise<unknown> => {
    const { rows } = await pool.query<{ answer: unknown }>(query)
    return rows[0]?.answer
  }
  return {
    program: 'kongtask-fleet.ts',
    create: async () => {
      await pool.query('drop schema if exists kongtask cascade')
      await kong.migrate()
    },
    // Where the listener is, all is: it comes last.
    arrived: async (workers) => {
      const count = `select count(*)::int4 as answer from pg_stat_activity
                      where datname = current_database() and application_name = 'kongtask listener'`
      while ((await ask(count)) !== workers) await delay(20)
    },
    load: async (from, count) => {
      await kong.queues.pause(QUEUE)
      for (let next = 0; next < count; next += AT_ONCE)
        await kong.addJobs(
          Array.from({ length: Math.min(AT_ONCE, count - next) }, (_, index) => ({
            task: 'noop',
            payload: { n: from + next + index },
            retain: false as const,
          })),
        )
    },
    tidy: async () => void (await pool.query('vacuum (analyze) kongtask.jobs')),
    release: () => kong.queues.resume(QUEUE),
    isEmpty: async () => (await ask('select not exists (select from kongtask.jobs) as answer')) === true,
    close: async () => {
      await kong.close()
      await pool.end()
    },
  }
}
