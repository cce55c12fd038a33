import pg from 'pg'
import type { LatencySystem, Starts } from '../loads/latency.ts'
import { numberOf } from '../loads/run-check.ts'
import { RAW_TABLE } from './raw-sql.ts'

const ADD = `
  with added as (
    insert into raw_jobs (id, run_at, queue_id, payload)
    values ($1, clock_timestamp(), 1, jsonb_build_object('n', $1::int8))
    returning queue_id)
  select pg_notify('raw_ready', queue_id::text) from added`

const CLAIM = `
  update raw_jobs j set worker = 1, attempt = j.attempt + 1
    from (select id from raw_jobs
           where queue_id = 1 and priority = 1 and run_at <= now() and worker = 0
           order by run_at, id limit 1 for update skip locked) picked
   where j.queue_id = 1 and j.id = picked.id
  returning j.payload`

const COMPLETE = 'delete from raw_jobs where queue_id = 1 and worker = 1'

/** By hand: one connection adds and notifies in a statement, one listens, one claims a single row and later deletes it. */
export async function rawSqlLatency(connectionString: string, starts: Starts): Promise<LatencySystem> {
  const connected = async (): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString })
    await client.connect()
    return client
  }
  const [adder, listener, worker] = [await connected(), await connected(), await connected()]
  await adder.query(`drop table if exists raw_jobs; ${RAW_TABLE}`)
  const work = async (): Promise<void> => {
    const { rows } = await worker.query<{ payload: unknown }>({ name: 'claim', text: CLAIM })
    for (const { payload } of rows) starts.started(numberOf(payload))
    await worker.query({ name: 'complete', text: COMPLETE })
  }
  let working = Promise.resolve()
  listener.on('notification', () => {
    working = working.then(work)
  })
  await listener.query('listen raw_ready')
  return {
    add: (n) => adder.query({ name: 'add', text: ADD, values: [n] }),
    close: async () => {
      await working
      for (const client of [adder, listener, worker]) await client.end()
    },
  }
}
