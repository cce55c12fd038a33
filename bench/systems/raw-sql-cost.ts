import pg from 'pg'
import { BULK, type CostSystem } from '../loads/cost.ts'
import { RunCheck } from '../loads/run-check.ts'
import { RAW_TABLE, workRaw } from './raw-sql.ts'

const ADD = `
  insert into raw_jobs (id, run_at, queue_id, payload)
  select (payload -> 'n')::int8, clock_timestamp(), 1, payload from jsonb_array_elements($1::jsonb) as payload`

/** The loop that drains are measured beside, and an insert of many rows. */
export function rawSqlCost(connectionString: string): CostSystem {
  const open = async (work: (pool: pg.Pool) => Promise<unknown>): Promise<void> => {
    const pool = new pg.Pool({ connectionString })
    try {
      await work(pool)
    } finally {
      await pool.end()
    }
  }
  return {
    create: () =>
      open((pool) =>
        pool.query(
          `drop table if exists raw_jobs; ${RAW_TABLE}; alter table raw_jobs set (autovacuum_enabled = off)`,
        ),
      ),
    add: (payloads, isDone) =>
      open(async (pool) => {
        for (let next = 0; next < payloads.length; next += BULK)
          await pool.query({
            name: 'add',
            text: ADD,
            values: [JSON.stringify(payloads.slice(next, next + BULK))],
          })
        await isDone()
      }),
    work: (jobs, isDone) =>
      open(async (pool) => {
        const check = new RunCheck(jobs)
        await workRaw(pool, check)
        await isDone()
        check.verify()
      }),
    vacuum: () => open((pool) => pool.query('vacuum raw_jobs')),
  }
}
