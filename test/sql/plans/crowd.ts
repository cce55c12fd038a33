// What lies in the tables that grow while a plan is looked at, and what PostgreSQL believes about them.
import type { ExplainedSession } from '../explained.ts'
import { TABLES } from './ways.ts'

/**
 * Rows of each table. Of jobs there are six times as many: then jobs_lane has a level more than jobs_pkey, which is when
 * PostgreSQL, if statistics say that there are none, takes a walk of the latter for the shorter way.
 */
export const CROWD = 8_000
/** All that is due is of the first queue, all that is due tomorrow of the second. */
export const [BUSY, QUIET] = [1, 2] as const
/** A gate behind which more than a hundred are parked. */
export const CROWDED_KEY = 'crowded 7'

const list = TABLES.map((table) => `kongtask.${table}`).join(', ')

const id = `nextval('kongtask.job_ids')`
const job = `id, created_at, task_id, max_attempts, payload, queue_id, retain_s, lane, run_at`
const aJob = `${id}, now(), 1, 25, '{}'`
// Over an hour, in no order.
const scattered = `n * 7919 % 3600 * interval '1 s'`

async function fill(session: ExplainedSession, count: number): Promise<void> {
  const of = `from generate_series(1, ${count}) n`
  const ofJobs = `from generate_series(1, ${(count * 3) / 2}) n`
  for (const text of [
    `jobs (${job}) select ${aJob}, ${BUSY}, 86400 * (n % 2), 1, now() - interval '1 s' - ${scattered} ${ofJobs}`,
    `jobs (${job}) select ${aJob}, ${QUIET}, 0, 1, now() + interval '1 day' - ${scattered} ${ofJobs}`,
    `jobs (${job}, serial_key) select ${aJob}, ${BUSY}, 0, 17, now() - ${scattered}, 'held ' || n / 2 ${ofJobs}`,
    `jobs (${job}, limits, waits_for)
       select ${aJob}, ${BUSY}, 0, 65, now() - ${scattered}, jsonb_build_array(jsonb_build_object('gate', gate, 'limit', 1)), gate
       ${ofJobs} cross join lateral (select 'concurrency:key:crowded ' || n % 100) as g (gate)`,
    `serial_keys (queue_id, key, job_id) select ${BUSY}, 'held ' || ${id}, -n ${of}`,
    `unique_keys (task_id, key, job_id, queue_id) select 1, 'held ' || ${id}, -n, ${BUSY} ${of}`,
    `rates (queue_id, gate, tokens, refilled_at, opens_at)
       select ${BUSY}, 'rate:key:held ' || ${id}, 0, now(), case when n % 200 = 0 then now() + interval '1 h' end ${of}`,
    `claims (worker, claim, queue_id, ids, limited_ids, limited_gates)
       select -1 - n / 100, ${id}, ${BUSY}, array[-n], case when n % 200 = 0 then array[-n] end, case when n % 200 = 0 then '{concurrency:key:held}'::text[] end ${of}`,
    `claim_marks (queue_id, lane, run_at, id, tasks, paused, made_at)
       select ${BUSY}, 1, now() - interval '2 h' - ${scattered}, n, '{1}', '{}', now() ${of}`,
    `messages (worker, body) select -1 - n / 100, '{}' ${of}`,
    `completions (worker, claim, job_id, queue_id) select -1 - n / 100, n, ${id}, ${BUSY} ${of}`,
    `steps (job_id, name, at, queue_id) select ${id}, 'held', now(), ${BUSY} ${of}`,
    `progress (job_id, at, done, total, queue_id) select ${id}, now(), 1, 2, ${BUSY} ${of}`,
  ]) {
    await session.query(`insert into kongtask.${text}`)
  }
}

/** Tables, and names, as `prepare` wants to find them. Statistics are what it says that they are. */
export async function prepareTables(session: ExplainedSession): Promise<void> {
  for (const table of TABLES) {
    await session.query(`alter table kongtask.${table} set (autovacuum_enabled = off)`)
  }
  await session.query(`insert into kongtask.tasks (name) values ('work')`)
  await session.query(`insert into kongtask.queues (name) values ('quiet')`)
}

export async function emptyTables(session: ExplainedSession): Promise<void> {
  await session.query(`truncate ${list}`)
}

interface Statistics {
  readonly when: string
  /** Leaves the crowd in the tables, and nothing else. */
  readonly prepare: (session: ExplainedSession) => Promise<void>
}

const regime = (
  when: string,
  belief: { readonly tuples: 'none' | 'few' | 'all'; readonly hasPages: boolean },
  gather: (session: ExplainedSession) => Promise<void>,
): Statistics => ({
  when,
  prepare: async (session) => {
    await emptyTables(session)
    await gather(session)
    for (const { table, tuples, hasPages } of await beliefs(session)) {
      const found = tuples === 0 ? 'none' : Number(tuples) < CROWD ? 'few' : 'all'
      if (found !== belief.tuples || hasPages !== belief.hasPages) {
        throw new Error(`the planner takes ${String(table)} for ${String(tuples)} rows`)
      }
    }
  },
})

/** What the planner takes the tables for. */
function beliefs(session: ExplainedSession): Promise<readonly Record<string, unknown>[]> {
  return session.query(
    `select relname as table, reltuples::int8::int4 as tuples, relpages > 0 as "hasPages"
       from pg_class where relnamespace = 'kongtask'::regnamespace and relname = any ($1)`,
    [TABLES],
  )
}

export const statistics: readonly Statistics[] = [
  regime('from when all was new and empty', { tuples: 'none', hasPages: false }, async (session) => {
    await session.query(`analyze ${list}`)
    await fill(session, CROWD)
  }),
  // Vacuum leaves the pages, so the planner knows that there are many and believes that all are empty.
  regime('from when the tables had run dry', { tuples: 'none', hasPages: true }, async (session) => {
    await fill(session, CROWD / 10)
    for (const table of TABLES) await session.query(`delete from kongtask.${table}`)
    await session.query(`vacuum (analyze, truncate off) ${list}`)
    await fill(session, CROWD)
  }),
  regime('from when there were three of each', { tuples: 'few', hasPages: true }, async (session) => {
    await fill(session, 2)
    await session.query(`analyze ${list}`)
    await fill(session, CROWD)
  }),
  regime('of the full tables', { tuples: 'all', hasPages: true }, async (session) => {
    await fill(session, CROWD)
    await session.query(`analyze ${list}`)
  }),
]
