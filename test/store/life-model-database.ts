// A migrated database with KongTask's time in the hands of the test, and what its tables say in one look each.
import pg from 'pg'
import { pgDatabase } from '../../src/store/pg-database.ts'
import { createStore, type Store } from '../../src/store/store.ts'
import { emptyTables } from '../support/empty-tables.ts'
import { QUEUES, TASKS } from './life-model-commands.ts'

const DEADLINE = 20_000

export interface Session {
  readonly store: Store
  /** How often the connection was used. */
  readonly uses: () => number
  readonly query: (text: string, values?: unknown[]) => Promise<Record<string, unknown>[]>
  readonly end: () => Promise<void>
}

/** A migrated database with nothing in it, for one history after the other. Two connections, so that one may wait open. */
export class LifeDatabase implements AsyncDisposable {
  readonly main: Session
  /** Whose transactions stay open. */
  readonly other: Session
  readonly queues = new Map<string, number>()
  readonly tasks = new Map<string, number>()
  /** The database's time at the beginning of each history. */
  #start = ''
  /** Days of history there are, as milliseconds from the beginning. */
  horizon = 0

  private constructor(connectionString: string) {
    this.main = session(connectionString)
    this.other = session(connectionString)
  }

  static async open(connectionString: string): Promise<LifeDatabase> {
    const database = new LifeDatabase(connectionString)
    await database.#setUp()
    return database
  }

  async #setUp(): Promise<void> {
    const { query } = this.main
    // A setting of the session: to move it costs nothing, and makes no plan anew.
    await query(`create or replace function kongtask.clock() returns timestamptz language sql volatile parallel safe
      return current_setting('life.now')::timestamptz`)
    await query(SNAPSHOTS)
    const [row] = await query(
      `select (date_trunc('day', clock_timestamp(), 'UTC') + interval '12 h')::text as start`,
    )
    this.#start = String(row?.['start'])
    const [until] = await query(
      'select (extract(epoch from h.until - $1::timestamptz) * 1000)::int8 as ms from kongtask.history_horizon h',
      [this.#start],
    )
    this.horizon = Number(until?.['ms'])
    await this.moveClock(0)
    await this.forget()
  }

  /** KongTask's time on one connection, in milliseconds since the beginning of the history. */
  async moveClock(to: number, on = this.main): Promise<void> {
    await on.query(`select set_config('life.now', ($1::timestamptz + $2 * interval '1 ms')::text, false)`, [
      this.#start,
      to,
    ])
  }

  get uses(): number {
    return this.main.uses() + this.other.uses()
  }

  /** What the tables say of live jobs and of those who work on them. */
  async live(): Promise<unknown> {
    const [row] = await this.main.query('select public.life_live($1) as live', [this.#start])
    return row?.['live']
  }

  /** What they say of jobs that are over, from an id on. */
  async over(from: number): Promise<unknown> {
    const [row] = await this.main.query('select public.life_over($1, $2) as over', [this.#start, from])
    return row?.['over']
  }

  /** What no history may leave behind: rows of each table that is to be empty. */
  async leftOver(): Promise<Record<string, unknown>> {
    const [row] = await this.main.query('select public.life_left() as left')
    const left = row?.['left']
    return typeof left === 'object' && left !== null ? Object.fromEntries(Object.entries(left)) : {}
  }

  /** Finished jobs are all that a good history leaves. Now and then, since it takes longer than a history. */
  async forget(): Promise<void> {
    const { query } = this.main
    await this.other.query('rollback')
    await emptyTables(query)
    // Names get their numbers when something is first added.
    await query('select kongtask.intern($1, $2)', [TASKS, QUEUES])
    this.tasks.clear()
    this.queues.clear()
    for (const { id, name } of await query('select id, name from kongtask.tasks'))
      this.tasks.set(String(name), Number(id))
    for (const { id, name } of await query('select id, name from kongtask.queues'))
      this.queues.set(String(name), Number(id))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.main.end(), this.other.end()])
  }
}

/** Written out once: PL/pgSQL keeps the plans, and for all days of history to plan takes longer than to look. */
const SNAPSHOTS = `
  create or replace function public.life_ms(p_at timestamptz, p_start timestamptz) returns int8 language sql immutable
  return case when p_at < 'infinity' then (extract(epoch from p_at - p_start) * 1000)::int8 end;

  create or replace function public.life_text(p_body jsonb) returns text language sql immutable
  return concat_ws(' ', p_body ->> 'kind', p_body ->> 'job', p_body ->> 'reason', p_body ->> 'queue', p_body ->> 'task');

  create or replace function public.life_live(p_start timestamptz) returns jsonb language plpgsql as $$
  begin
    return jsonb_build_object(
      'jobs', (select jsonb_object_agg(j.id, jsonb_build_array(
          j.queue_id, j.worker, j.claim, case when j.worker = 0 and j.serial_key is null then j.lane else j.lane & 15 end,
          public.life_ms(j.run_at, p_start), j.attempt, j.crashes, coalesce(jsonb_array_length(j.errors), 0),
          j.extras -> 'cancelled', coalesce((j.extras ->> 'snoozes')::int4, 0))) from kongtask.jobs j),
      'claims', (select jsonb_agg(jsonb_build_array(c.worker, c.claim, c.queue_id,
          (select array_agg(id order by id) from unnest(c.ids) as id)) order by c.worker, c.claim, c.queue_id)
          from kongtask.claims c),
      'workers', (select jsonb_object_agg(w.id, jsonb_build_array(
          w.rescued_at is not null, w.expires_at < clock_timestamp(),
          (select jsonb_agg(public.life_text(m.body) order by public.life_text(m.body) collate "C") from kongtask.messages m where m.worker = w.id)))
          from kongtask.workers w),
      'keys', (select jsonb_object_agg(t.name || ' ' || u.key, jsonb_build_array(u.job_id, public.life_ms(u.until, p_start)))
          from kongtask.unique_keys u join kongtask.tasks t on t.id = u.task_id),
      'completions', (select jsonb_agg(jsonb_build_array(c.worker, c.claim, c.job_id) order by c.worker, c.claim, c.job_id)
          from kongtask.completions c),
      'steps', (select jsonb_object_agg(s.job_id, s.steps)
          from (select job_id, count(*) as steps from kongtask.steps group by job_id) as s),
      -- Whoever has a serial key is there to have it.
      'lost keys', (select jsonb_agg(s.key) from kongtask.serial_keys s
          where not exists (select from kongtask.jobs j where j.queue_id = s.queue_id and j.id = s.job_id)
            and not exists (select from kongtask.completions c where c.job_id = s.job_id) and s.job_id is not null));
  end $$;

  create or replace function public.life_over(p_start timestamptz, p_from int8) returns jsonb language plpgsql as $$
  begin
    return (
      select jsonb_agg(jsonb_build_array(
               f.id, f.state, f.attempt, f.crashes, coalesce(jsonb_array_length(f.errors), 0), f.reason,
               public.life_ms(f.finished_at, p_start), public.life_ms(f.expires_at, p_start), f.result, f.has_no_day)
               order by f.id)
        from (select h.id, case when h.completed then 'completed' else 'cancelled' end as state, h.attempt, h.crashes,
                     h.errors, h.reason, h.finished_at, h.expires_at, h.result, false as has_no_day
                from kongtask.history h where h.id >= p_from
              union all
              select h.id, case when h.completed then 'completed' else 'cancelled' end, h.attempt, h.crashes,
                     h.errors, h.reason, h.finished_at, h.expires_at, h.result, true
                from kongtask.history_overflow h where h.id >= p_from
              union all
              select d.id, 'dead', d.attempt, d.crashes, d.errors, d.reason, d.finished_at, d.expires_at, null,
                     d.dropped_at = 'infinity'
                from kongtask.dead_letters d where d.id >= p_from) as f);
  end $$;

  create or replace function public.life_left() returns jsonb language plpgsql as $$
  begin
    return jsonb_build_object(
      'jobs', (select jsonb_agg(j) from kongtask.jobs j),
      'claims', (select jsonb_agg(c) from kongtask.claims c),
      'workers', (select jsonb_agg(w) from kongtask.workers w),
      'messages', (select jsonb_agg(m) from kongtask.messages m),
      'completions', (select jsonb_agg(c) from kongtask.completions c),
      'unique keys', (select jsonb_agg(u) from kongtask.unique_keys u),
      'serial keys', (select jsonb_agg(s) from kongtask.serial_keys s),
      'steps', (select jsonb_agg(s) from kongtask.steps s));
  end $$`

function session(connectionString: string): Session {
  const pool = new pg.Pool({ connectionString, max: 1, idleTimeoutMillis: 0, options: '-c lock_timeout=2s' })
  let uses = 0
  pool.on('acquire', () => (uses += 1))
  return {
    store: createStore(pgDatabase(pool, DEADLINE), 'kongtask'),
    uses: () => uses,
    query: async (text, values = []) => {
      // The pool's own would end the connection where the statement fails.
      const client = await pool.connect()
      try {
        return (await client.query<Record<string, unknown>>(text, values)).rows
      } finally {
        client.release()
      }
    },
    end: () => pool.end(),
  }
}
