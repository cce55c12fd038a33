import pg from 'pg'
import { AT_ONCE, lineJobOf, type LineCheck, type LineJob, type LineWorker } from '../loads/lines.ts'

const TABLE = `
  drop table if exists raw_lines;
  create table raw_lines (id int8 primary key, key int4 not null, worker int4 not null default 0, payload jsonb not null);
  create index raw_lines_key on raw_lines (key, id)`

const ADD = `
  insert into raw_lines (id, key, payload)
  select j.ord, (j.payload ->> 'key')::int4, j.payload
    from jsonb_array_elements($1::jsonb) with ordinality as j (payload, ord)`

const CLAIM = `
  update raw_lines set worker = 1
   where id = (select id from raw_lines where key = $1 and worker = 0 order by id limit 1 for update skip locked)
  returning id, payload`

const COMPLETE = 'delete from raw_lines where id = $1 and worker = 1'

/**
 * The least that anybody would write by hand: a loop for each key on a connection of its own, up to as many as the others
 * run handlers at once. Each claims one job, runs it and deletes it; it knows where its next job is and needs no word of it.
 */
export async function rawSqlLines(connectionString: string, check: LineCheck): Promise<LineWorker> {
  const pool = new pg.Pool({ connectionString, max: AT_ONCE })
  await pool.query(TABLE)
  let keys: number[] = []
  const clients = await Promise.all(Array.from({ length: AT_ONCE }, () => pool.connect()))
  const loop = async (client: pg.PoolClient): Promise<void> => {
    for (let key = keys.shift(); key !== undefined; key = keys.shift()) {
      while (await workOne(client, key, check));
    }
  }
  return {
    add: async (jobs: readonly LineJob[]) => {
      await clients[0]?.query(ADD, [JSON.stringify(jobs)])
      keys = [...new Set(jobs.map(({ key }) => key))]
    },
    done: async () => void (await Promise.all(clients.map(loop))),
    close: async () => {
      for (const client of clients) client.release()
      await pool.end()
    },
  }
}

async function workOne(client: pg.PoolClient, key: number, check: LineCheck): Promise<boolean> {
  const { rows } = await client.query<{ id: string; payload: unknown }>({
    name: 'claim',
    text: CLAIM,
    values: [key],
  })
  const [row] = rows
  if (row === undefined) return false
  await check.work(lineJobOf(row.payload))
  await client.query({ name: 'complete', text: COMPLETE, values: [row.id] })
  return true
}
