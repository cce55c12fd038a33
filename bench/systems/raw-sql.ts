import pg from 'pg'
import { RunCheck, numberOf } from '../loads/run-check.ts'

/** Jobs per claim: the best of STORAGE.md's table, with two connections. */
const BATCH = 500
const CONNECTIONS = 2

export const RAW_TABLE = `
  create table raw_jobs (
    id int8 not null, run_at timestamptz not null, queue_id int4 not null, worker int4 not null default 0,
    priority int2 not null default 1, attempt int2 not null default 0, payload jsonb not null,
    primary key (queue_id, id)
  ) with (fillfactor = 50);
  create index raw_lane on raw_jobs (queue_id, priority, run_at, id);`

const FILL = `
  insert into raw_jobs (id, run_at, queue_id, payload)
  select n, clock_timestamp(), 1, jsonb_build_object('n', n) from generate_series(0, $1::int4 - 1) n`

const CLAIM = `
  update raw_jobs j set worker = $1, attempt = j.attempt + 1
    from (select id from raw_jobs
           where queue_id = 1 and priority = 1 and run_at <= now() and worker = 0
           order by run_at, id limit ${BATCH} for update skip locked) picked
   where j.queue_id = 1 and j.id = picked.id
  returning j.id, j.payload`

const COMPLETE = 'delete from raw_jobs where queue_id = 1 and id = any ($1::int8[]) and worker = $2'

/**
 * What PostgreSQL itself can do: two connections, each claims a batch with a HOT update, "runs" it and deletes it.
 * No retries, no fence but the worker's number, no ledger, no heartbeat. Answers jobs per second.
 */
export async function drainRaw(connectionString: string, jobs: number): Promise<number> {
  const pool = new pg.Pool({ connectionString, max: CONNECTIONS })
  try {
    await pool.query('drop table if exists raw_jobs')
    await pool.query(RAW_TABLE)
    await pool.query(FILL, [2_000])
    await workRaw(pool, new RunCheck(2_000))
    await pool.query(FILL, [jobs])
    await pool.query('vacuum (analyze) raw_jobs')
    const check = new RunCheck(jobs)
    const started = performance.now()
    await workRaw(pool, check)
    const seconds = (performance.now() - started) / 1_000
    check.verify()
    return jobs / seconds
  } finally {
    await pool.end()
  }
}

/** Until nothing is left that nobody has claimed. */
export async function workRaw(pool: pg.Pool, check: RunCheck): Promise<void> {
  await Promise.all(Array.from({ length: CONNECTIONS }, (_, index) => loopRaw(pool, index + 1, check)))
}

/** On a connection of its own. @param worker a number that no other loop has */
export async function loopRaw(pool: pg.Pool, worker: number, check: Pick<RunCheck, 'ran'>): Promise<void> {
  const client = await pool.connect()
  try {
    for (;;) {
      const { rows } = await client.query<{ id: string; payload: unknown }>({
        name: 'claim',
        text: CLAIM,
        values: [worker],
      })
      if (rows.length === 0) return
      for (const { payload } of rows) check.ran(numberOf(payload))
      const ids = rows.map(({ id }) => id)
      await client.query({ name: 'complete', text: COMPLETE, values: [ids, worker] })
    }
  } finally {
    client.release()
  }
}
