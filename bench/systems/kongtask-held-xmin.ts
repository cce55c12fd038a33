import pg from 'pg'
import { KongTask, defineTask } from 'kongtask'
import type { HeldJob } from '../processes/held-load.ts'
import type { HeldProducer, HeldSystem } from '../processes/held-xmin.ts'

const task = defineTask<'held', { n: number }>('held', { retain: false })

export const kongTaskHeld: HeldSystem = { program: 'kongtask-held-xmin-worker.ts', open }

async function open(connectionString: string): Promise<HeldProducer> {
  const pool = new pg.Pool({ connectionString, max: 1 })
  const kong = new KongTask({ connectionString })
  await pool.query('drop schema if exists kongtask cascade')
  await kong.migrate()
  return {
    // A call for each priority, as whoever adds many does who adds them by priority.
    add: (jobs) => Promise.all(byPriority(jobs).map((alike) => kong.addJobs(specs(alike)))),
    addOn: (client, jobs) => kong.with(client).addJobs(specs(jobs)),
    left: async () => {
      const { rows } = await pool.query<{ left: number }>('select count(*)::int4 as left from kongtask.jobs')
      return rows[0]?.left ?? -1
    },
    close: async () => {
      await kong.close()
      await pool.end()
    },
  }
}

function specs(jobs: readonly HeldJob[]): { task: typeof task; payload: { n: number }; priority: number }[] {
  return jobs.map(({ n, priority }) => ({ task, payload: { n }, priority }))
}

function byPriority(jobs: readonly HeldJob[]): HeldJob[][] {
  const priorities = [...new Set(jobs.map(({ priority }) => priority))]
  return priorities.map((priority) => jobs.filter((job) => job.priority === priority))
}
