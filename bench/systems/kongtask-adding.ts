import pg from 'pg'
import { KongTask, defineTask } from 'kongtask'
import type { Adder, Payload } from '../loads/adding.ts'

const task = defineTask<'bench', Payload>('bench')

/** A client as anybody makes it. */
export async function kongTaskAdder(connectionString: string): Promise<Adder> {
  const kong = new KongTask({ connectionString })
  const pool = new pg.Pool({ connectionString, max: 1 })
  await kong.migrate()
  return {
    empty: async () => {
      await pool.query('truncate kongtask.jobs')
      await pool.query('checkpoint')
    },
    addOne: (payload) => kong.addJob(task, payload),
    addMany: (payloads) => kong.addJobs(payloads.map((payload) => ({ task, payload }))),
    count: async () => {
      const { rows } = await pool.query<{ count: number }>('select count(*)::int4 from kongtask.jobs')
      return rows[0]?.count ?? -1
    },
    close: async () => {
      await kong.close()
      await pool.end()
    },
  }
}
