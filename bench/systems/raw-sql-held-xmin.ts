import pg from 'pg'
import type { HeldJob } from '../processes/held-load.ts'
import type { HeldProducer, HeldSystem } from '../processes/held-xmin.ts'
import { RAW_TABLE } from './raw-sql-queue.ts'

const ADD = `
  insert into raw_queue (id, run_at, queue_id, priority, payload)
  select n, clock_timestamp(), 1, priority, jsonb_build_object('n', n)
    from unnest($1::int4[], $2::int2[]) as j (n, priority)`

export const rawSqlHeld: HeldSystem = { program: 'raw-sql-held-xmin-worker.ts', open }

async function open(connectionString: string): Promise<HeldProducer> {
  const pool = new pg.Pool({ connectionString, max: 2 })
  await pool.query('drop table if exists raw_queue')
  await pool.query(RAW_TABLE)
  const add = (on: pg.Pool | pg.Client, jobs: readonly HeldJob[]): Promise<unknown> =>
    on.query(ADD, [jobs.map(({ n }) => n), jobs.map(({ priority }) => priority)])
  return {
    add: (jobs) => add(pool, jobs),
    addOn: add,
    left: async () => {
      const { rows } = await pool.query<{ left: number }>('select count(*)::int4 as left from raw_queue')
      return rows[0]?.left ?? -1
    },
    close: () => pool.end(),
  }
}
