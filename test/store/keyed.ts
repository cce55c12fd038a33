// What the tests of unique and serial keys share: a clock that stands still, settling in one line, and connections that
// wait for each other while the test looks on.
import pg from 'pg'
import { expect } from 'vitest'
import type { JobState } from '../../src/core/job.ts'
import type { Settlement } from '../../src/core/settlement.ts'
import type { ClaimedJob } from '../../src/store/claim-jobs.ts'
import { pgDatabase } from '../../src/store/pg-database.ts'
import { createStore, type Store } from '../../src/store/store.ts'
import { eventually } from '../support/wait.ts'
import type { StoreFixture } from './fixture.ts'

export const error = { name: 'Error', message: 'no', stack: 'Error: no' }
export const completed: Settlement = { kind: 'completed', result: undefined }
export const retry: Settlement = { kind: 'retry', delay: 0, error }
export const dead: Settlement = { kind: 'dead', reason: 'permanent', error }
export const snoozed: Settlement = { kind: 'snoozed', delay: 0 }
export const cancelled: Settlement = { kind: 'cancelled', reason: 'not needed' }
export const released: Settlement = { kind: 'released' }

/** Settles jobs of one worker alike, and returns why some ended instead of coming back. None is refused. */
export async function settle(
  store: Store,
  jobs: readonly ClaimedJob[],
  settlement: Settlement,
): Promise<ReadonlyMap<string, string>> {
  const ended = new Map<string, string>()
  for (const queue of new Set(jobs.map(({ queueId }) => queueId))) {
    const ofQueue = jobs.filter(({ queueId }) => queueId === queue)
    const settled = await store.settleJobs({
      worker: ofQueue[0]?.lease.worker ?? 0,
      queue,
      jobs: ofQueue.map(({ id, lease, kept, place }) => ({ id, lease, kept, place, settlement })),
      closed: [],
    })
    expect([...settled.refused]).toEqual([])
    for (const [id, reason] of settled.ended) ended.set(id, reason)
  }
  return ended
}

/** What became of jobs that were over and were to live again. */
export async function redrive(
  store: Store,
  ids: readonly string[],
): Promise<{ id: string; status: 'redriven' | 'conflict' | 'missing' }[]> {
  const states: readonly JobState[] = ['dead', 'completed', 'cancelled']
  const order = { targets: { ids }, filter: { states }, patience: 10_000 }
  const answers = await store.operateJobs({ kind: 'retry' }, order)
  return answers.map(({ id, status }) => ({
    id,
    status: status === 'done' ? 'redriven' : status === 'conflict' ? status : 'missing',
  }))
}

/** Takes away a job that waits. */
export async function drop(store: Store, id: string, how: 'cancel' | 'delete'): Promise<void> {
  const order = { targets: { ids: [id] }, filter: {}, patience: 10_000 }
  const verb = how === 'delete' ? { kind: how } : { kind: how, reason: 'not needed' }
  expect(await store.operateJobs(verb, order)).toEqual([{ id, status: 'done' }])
}

/** KongTask's time stands still; `setClock` moves it. A table, since a new function would make every plan be made anew. */
export async function stopClock(db: StoreFixture): Promise<void> {
  await db.query(`
    create table if not exists public.stopped_clock (at timestamptz);
    truncate public.stopped_clock;
    insert into public.stopped_clock values (clock_timestamp());
    create or replace function kongtask.clock() returns timestamptz
    language sql volatile parallel safe return (select at from public.stopped_clock)`)
}

/** A clock that stands still goes to this moment. */
export async function setClock(db: StoreFixture, at: number): Promise<void> {
  await db.query('update public.stopped_clock set at = $1', [new Date(at)])
}

/** As if nothing had happened; much sooner than by truncating. */
export async function forgetJobs(db: StoreFixture): Promise<void> {
  const tables = [
    'jobs',
    'dead_letters',
    'history',
    'history_overflow',
    'unique_keys',
    'serial_keys',
    'claims',
    'workers',
  ]
  await db.query(tables.map((table) => `delete from kongtask.${table}`).join(';'))
}

export interface Connection {
  readonly pid: number
  readonly store: Store
  readonly query: (text: string, values?: unknown[]) => Promise<readonly Record<string, unknown>[]>
}

/** Connections that wait for locks as long as it takes. Close them. */
export class Connections {
  readonly #db: StoreFixture
  readonly #pools: pg.Pool[] = []

  constructor(db: StoreFixture) {
    this.#db = db
  }

  async open(): Promise<Connection> {
    const pool = new pg.Pool({ connectionString: this.#db.database.connectionString, max: 1 })
    this.#pools.push(pool)
    const { rows } = await pool.query<{ pid: number }>('select pg_backend_pid() as pid')
    return {
      pid: rows[0]?.pid ?? 0,
      store: createStore(pgDatabase(pool, 60_000), 'kongtask'),
      query: async (text, values = []) => (await pool.query<Record<string, unknown>>(text, values)).rows,
    }
  }

  many(count: number): Promise<Connection[]> {
    return Promise.all(Array.from({ length: count }, () => this.open()))
  }

  async close(): Promise<void> {
    await Promise.all(this.#pools.splice(0).map((pool) => pool.end()))
  }

  /** Resolves when this connection waits for somebody else's lock. */
  async waits({ pid }: Connection): Promise<void> {
    await eventually(async () => {
      const waits = await this.#db.value('select wait_event_type from pg_stat_activity where pid = $1', [pid])
      if (waits !== 'Lock') throw new Error(`connection ${pid} waits for ${String(waits)}, not for a lock`)
    })
  }
}

/** The seed of this run: of the environment, or always the same. Whoever finds something passes it on with the failure. */
export function seedOf(variable: string): number {
  const given = process.env[variable]
  return given === undefined || given === '' ? 20_261_122 : Number(given)
}
