import pg from 'pg'
import type { FleetSystem } from '../processes/many-workers.ts'
import { RAW_TABLE } from './raw-sql.ts'

const FILL = `
  insert into raw_jobs (id, run_at, queue_id, payload)
  select n, clock_timestamp(), 1, jsonb_build_object('n', n) from generate_series($1::int4, $1 + $2::int4 - 1) n`

/** Its loops begin when they are told. */
export function rawSqlFleet(connectionString: string): FleetSystem {
  const pool = new pg.Pool({ connectionString, max: 1 })
  return {
    program: 'raw-sql-fleet.ts',
    create: async () => void (await pool.query(`drop table if exists raw_jobs; ${RAW_TABLE}`)),
    arrived: () => Promise.resolve(),
    // Without statistics its claims would sort all that there is.
    load: async (from, count) => {
      await pool.query(FILL, [from, count])
      await pool.query('vacuum (analyze) raw_jobs')
    },
    tidy: () => Promise.resolve(),
    release: () => Promise.resolve(),
    isEmpty: async () => {
      const { rows } = await pool.query<{ left: boolean }>('select exists (select from raw_jobs) as left')
      return rows[0]?.left === false
    },
    close: () => pool.end(),
  }
}
