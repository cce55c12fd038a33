import pg from 'pg'
import { KongTask, run } from 'kongtask'
import { BULK, type CostSystem } from '../loads/cost.ts'
import { Countdown } from '../loads/lines.ts'
import { RunCheck, numberOf } from '../loads/run-check.ts'

const nothing = (): void => undefined
const silent = { debug: nothing, info: nothing, warn: console.warn, error: console.error }

/** @param retain false: forgotten when finished, as the raw loop does */
export function kongTaskCost(connectionString: string, retain: string | false): CostSystem {
  const query = async (text: string): Promise<void> => {
    const client = new pg.Client({ connectionString })
    await client.connect()
    await client.query(text)
    await client.end()
  }
  return {
    create: async () => {
      await query('drop schema if exists kongtask cascade')
      const kong = new KongTask({ connectionString })
      await kong.migrate()
      await kong.close()
      for (const table of ['jobs', 'claims'])
        await query(`alter table kongtask.${table} set (autovacuum_enabled = off)`)
    },
    add: async (payloads, isDone) => {
      const kong = new KongTask({ connectionString })
      for (let next = 0; next < payloads.length; next += BULK) {
        const some = payloads.slice(next, next + BULK)
        await kong.addJobs(some.map((payload) => ({ task: 'noop', payload, retain })))
      }
      await isDone()
      await kong.close()
    },
    work: async (jobs, isDone) => {
      const check = new RunCheck(jobs)
      const countdown = new Countdown()
      countdown.expect(jobs)
      const runner = await run({
        connectionString,
        migrate: false,
        logger: silent,
        tasks: { noop: (payload) => check.ran(numberOf(payload)) },
      })
      runner.on('job.settled', ({ settlement }) => {
        if (settlement.kind === 'completed') countdown.ended()
        else countdown.failed(`A job was settled as ${settlement.kind}.`, settlement)
      })
      try {
        await countdown.done
        await isDone()
      } finally {
        await runner.stop()
      }
      check.verify()
    },
    vacuum: () => query('vacuum kongtask.jobs, kongtask.claims'),
  }
}
