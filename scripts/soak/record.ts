// What was added and what took effect, in tables that KongTask knows nothing of, and what became of both.
import type { Pool } from 'pg'
import { IS_EXACT, SCHEMA } from './plan.ts'

const TABLES = `
  create schema ${SCHEMA};
  -- Numbers of jobs, both ends included, written in the transaction that added them.
  create table ${SCHEMA}.added (first int8 not null, last int8 not null);
  create table ${SCHEMA}.effects (n int8 not null);`

export interface Audit {
  readonly added: number
  /** Never took effect, and are nowhere to be found. */
  readonly lost: number
  /** Took effect more than once, although effect and completion were one transaction. */
  readonly doubled: number
  /** The same where an effect is promised at least once: after a kill it may be. */
  readonly repeated: number
  /** Neither completed nor gone for good. */
  readonly left: number
  readonly dead: number
  /** Dead letters that were taken for what their processes died of: docs/decisions/013. They are not lost. */
  readonly buried: number
}

export async function createRecord(pool: Pool): Promise<void> {
  await pool.query(TABLES)
}

export async function audit(pool: Pool): Promise<Audit> {
  const { rows } = await pool.query<Audit>(`
    with added as (select generate_series(first, last) as n from ${SCHEMA}.added),
    still_there as (select (payload ->> 'n')::int8 as n from kongtask.jobs),
    buried as (select (payload ->> 'n')::int8 as n from kongtask.dead_letters where reason = 'crashes'),
    kept as (select n from still_there union all select n from buried),
    effects as (select n, count(*) as times from ${SCHEMA}.effects group by n),
    both_sides as (select n, coalesce(e.times, 0) as times from added left join effects e using (n))
    select count(*)::int4 as added,
           count(*) filter (where times = 0 and n not in (select n from kept))::int4 as lost,
           count(*) filter (where times > 1 and ${IS_EXACT})::int4 as doubled,
           count(*) filter (where times > 1 and not (${IS_EXACT}))::int4 as repeated,
           (select count(*)::int4 from kongtask.jobs) as left,
           (select count(*)::int4 from kongtask.dead_letters where reason <> 'crashes') as dead,
           (select count(*)::int4 from buried) as buried
      from both_sides`)
  const [found] = rows
  if (found === undefined) throw new Error('The audit answered nothing.')
  return found
}
