import type { Pool } from 'pg'
import type { Vitals } from './vitals.ts'

/** What was seen at one moment. */
export interface Sample {
  /** Seconds since the beginning. */
  readonly at: number
  readonly vitals: Vitals
  /** Connections of this database, by what they say they are. */
  readonly connections: Readonly<Record<string, number>>
  /** Of KongTask's tables, without the history. */
  readonly deadTuples: number
  /** Bytes, indexes included. */
  readonly size: number
  readonly historySize: number
  /** Jobs that are there. */
  readonly backlog: number
  readonly workers: number
}

const KEPT = `s.relname ~ '^(history|dead_letters)'`

/** What the database has to say. */
export async function observe(pool: Pool): Promise<Omit<Sample, 'at' | 'vitals'>> {
  const [tables, sessions, jobs] = await Promise.all([
    pool.query<{ dead: number; size: number; history: number }>(`
      select (sum(s.n_dead_tup) filter (where not ${KEPT}))::float8 as dead,
             (sum(pg_total_relation_size(s.relid)) filter (where not ${KEPT}))::float8 as size,
             (sum(pg_total_relation_size(s.relid)) filter (where ${KEPT}))::float8 as history
        from pg_stat_user_tables s where s.schemaname = 'kongtask'`),
    pool.query<{ name: string; count: number }>(`
      select application_name as name, count(*)::int4 as count
        from pg_stat_activity where datname = current_database() and backend_type = 'client backend' group by 1`),
    pool.query<{ jobs: number; workers: number }>(`
      select (select count(*)::int4 from kongtask.jobs) as jobs,
             (select count(*)::int4 from kongtask.workers where rescued_at is null) as workers`),
  ])
  const [table, job] = [tables.rows[0], jobs.rows[0]]
  return {
    connections: Object.fromEntries(sessions.rows.map(({ name, count }) => [name, count])),
    deadTuples: table?.dead ?? 0,
    size: table?.size ?? 0,
    historySize: table?.history ?? 0,
    backlog: job?.jobs ?? 0,
    workers: job?.workers ?? 0,
  }
}
