import pg from 'pg'
import { KongTask } from 'kongtask'
import type { Adder } from '../loads/adding.ts'

/** As KongTask's own statements. */
const CHUNK = 5_000

const COLUMNS = 'id, run_at, created_at, queue_id, task_id, retain_s, lane, max_attempts, payload'
const ONE = `
  insert into kongtask.jobs (${COLUMNS})
  values (nextval('kongtask.job_ids'), clock_timestamp(), clock_timestamp(), 1, 1, 86400, 1, 25, $1)`
const MANY = `
  insert into kongtask.jobs (${COLUMNS})
  select nextval('kongtask.job_ids'), clock_timestamp(), clock_timestamp(), 1, 1, 86400, 1, 25, payload
    from unnest($1::jsonb[]) payload`

/**
 * The least that anybody would write by hand: inserts into KongTask's own table, on one connection, of known numbers
 * for task and queue. It checks nothing, wakes nobody (no NOTIFY) and returns no ids. One job is an insert of its own
 * transaction; many are chunks within one.
 *
 * @param isPrepared as named statements; else each insert is parsed and planned anew, as of who writes `query(text, values)`
 */
export async function rawSqlAdder(connectionString: string, isPrepared: boolean): Promise<Adder> {
  const kong = new KongTask({ connectionString })
  await kong.migrate()
  await kong.close()
  const client = new pg.Client({ connectionString })
  await client.connect()
  const named = (name: string, text: string, values: unknown[]): pg.QueryConfig =>
    isPrepared ? { name, text, values } : { text, values }
  return {
    empty: async () => {
      await client.query('truncate kongtask.jobs')
      await client.query('checkpoint')
    },
    addOne: (payload) => client.query(named('add', ONE, [JSON.stringify(payload)])),
    addMany: async (payloads) => {
      await client.query('begin')
      for (let next = 0; next < payloads.length; next += CHUNK) {
        const texts = payloads.slice(next, next + CHUNK).map((payload) => JSON.stringify(payload))
        await client.query(named('add many', MANY, [texts]))
      }
      await client.query('commit')
    },
    count: async () => {
      const { rows } = await client.query<{ count: number }>('select count(*)::int4 from kongtask.jobs')
      return rows[0]?.count ?? -1
    },
    close: () => client.end(),
  }
}
