import pg from 'pg'
import { DUE, NO_WAIT, PRIORITY, type BacklogQueue, type Fill } from '../loads/backlog.ts'
import { RAW_CLAIM, RAW_COMPLETE, RAW_TABLE } from './raw-sql-queue.ts'

const WORKER = 1

const fillWith = ({ due }: Fill): string => `
  insert into raw_queue (id, run_at, queue_id, priority, payload)
  select nextval('raw_queue_ids'), ${DUE[due]}, 1, ${PRIORITY[due]}, jsonb_build_object('n', n)
    from generate_series(1, $1::int4) n`

/** The claim that anybody would write by hand, which walks over whatever is due later but comes first. */
export async function rawSqlBacklog(connectionString: string): Promise<BacklogQueue> {
  const pool = new pg.Pool({ connectionString, max: 1, options: NO_WAIT })
  await pool.query(RAW_TABLE)
  await pool.query('create sequence if not exists raw_queue_ids')
  let ids: readonly string[] = []
  return {
    put: async (fill) => void (await pool.query(fillWith(fill), [fill.jobs])),
    rest: async () => {
      await pool.query('vacuum (analyze) raw_queue')
      await pool.query('checkpoint')
    },
    claim: async (most) => {
      const { rows } = await pool.query<{ id: string }>({
        name: 'claim',
        text: RAW_CLAIM,
        values: [WORKER, most],
      })
      ids = rows.map(({ id }) => id)
      return ids.length
    },
    complete: async () =>
      void (await pool.query({ name: 'complete', text: RAW_COMPLETE, values: [ids, WORKER] })),
    close: () => pool.end(),
  }
}
