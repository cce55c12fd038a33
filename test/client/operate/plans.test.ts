// How PostgreSQL goes about looking through jobs and changing them, whatever its statistics say: by index, and reading no
// more than it is to look at.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CheckedFilter } from '../../../src/core/job-filter.ts'
import { ExplainedSession } from '../../sql/explained.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { eventually } from '../../support/wait.ts'

const LIVE = 30_000

async function fill(database: TestDatabase): Promise<void> {
  await database.pool.query(
    `with made as (
       insert into kongtask.jobs (id, run_at, created_at, queue_id, task_id, retain_s, lane, max_attempts, payload)
       select nextval('kongtask.job_ids'), clock_timestamp() - n * interval '1 ms', clock_timestamp(), 2 + n % 3, 1, 0, n % 3, 25, '{}'
         from generate_series(1, $1) n)
     insert into kongtask.history (id, run_at, created_at, finished_at, expires_at, queue_id, task_id, priority, attempt, max_attempts, crashes, completed, payload)
     select nextval('kongtask.job_ids'), now(), now(), now(), now() + (n % 10) * interval '1 day' + interval '1 h', 2 + n % 3, 1, 1, 1, 25, 0, true, '{}'
       from generate_series(1, $1) n`,
    [LIVE],
  )
  await database.pool.query(
    `insert into kongtask.dead_letters (id, run_at, created_at, finished_at, expires_at, dropped_at, queue_id, task_id, retain_s, priority, attempt, max_attempts, crashes, reason, payload, errors)
     select nextval('kongtask.job_ids'), now(), now(), now() - n * interval '1 s', until, until, 2 + n % 3, 1, 0, 1, 1, 25, 0, 'attempts', '{}',
            jsonb_build_array(jsonb_build_object('message', 'no ' || n))
       from generate_series(1, $1) n
      cross join lateral (
            select case n % 2 when 0 then 'infinity' else now() + (n % 30) * interval '1 day' + interval '1 h' end) as u (until)`,
    [LIVE],
  )
}

const statistics: readonly (readonly [name: string, prepare: (database: TestDatabase) => Promise<void>])[] = [
  [
    'gathered while the tables were empty',
    async (database) => {
      await database.pool.query('analyze')
      await fill(database)
    },
  ],
  [
    'gathered while they were full',
    async (database) => {
      await fill(database)
      await database.pool.query('analyze')
    },
  ],
]

describe.each(statistics)('with statistics that were %s', (_, prepare) => {
  let database: TestDatabase
  let session: ExplainedSession
  let tables: readonly string[]
  beforeAll(async () => {
    database = await createTestDatabase()
    const { rows } = await database.pool.query<{ name: string }>(
      `select relname as name from pg_class
        where relnamespace = 'kongtask'::regnamespace and relkind = 'r' and relname ~ '^(jobs|dead_letters_.*|history_.*)$'`,
    )
    tables = rows.map(({ name }) => name).filter((name) => !name.endsWith('_horizon'))
    for (const table of tables)
      await database.pool.query(`alter table kongtask.${table} set (autovacuum_enabled = off)`)
    await database.pool.query(`insert into kongtask.tasks (name) values ('work')`)
    await database.pool.query(`insert into kongtask.queues (name) values ('a'), ('b'), ('c')`)
    await prepare(database)
    session = new ExplainedSession(database.connectionString)
    await session.start()
  })
  afterAll(async () => {
    await session.end()
    await database.drop()
  })

  const filters: readonly (readonly [name: string, filter: CheckedFilter])[] = [
    ['everything', {}],
    ['live jobs', { states: ['ready', 'scheduled'] }],
    ['one queue', { queues: ['b'] }],
    ['what is over', { states: ['completed', 'cancelled'] }],
    ['dead letters', { states: ['dead'], error: 'no <n>' }],
    ['nothing', { tag: 'none' }],
  ]

  it.each(filters)('a page of %s is read by index, and no more of it than it may', async (__, filter) => {
    // Plans of functions are made anew for the first five calls, and then kept.
    for (let n = 0; n < 7; n++) {
      let scanned = 0
      const scans = await session.scans(async (store) => {
        ;({ scanned } = await store.listJobs(filter, { before: undefined, limit: 100, scan: 10_000 }))
      })
      const ours = scans.filter(({ table }) => tables.includes(table))
      expect(
        ours
          .map(({ how }) => how)
          .filter(
            (how) => !/^Index (Only )?Scan using (jobs_pkey|(dead_letters|history).*_id(_idx)?)$/.test(how),
          ),
      ).toEqual([])
      const read = ours.reduce((sum, { rows }) => sum + rows, 0)
      // Each look asks each place for its newest, and each queue for as many as all together may have.
      expect(read).toBeLessThanOrEqual(3 * scanned + 100 * 25)
      expect(scanned).toBeLessThanOrEqual(10_000)
    }
  })

  it('the latest dead letters are walked by their time, and no more of them than are asked for', async () => {
    for (let n = 0; n < 7; n++) {
      const scans = await session.scans((store) => store.groupDeadLetters({ states: ['dead'] }, 500))
      const ours = scans.filter(({ table }) => tables.includes(table))
      const others = ours.filter(
        ({ how }) => !/^Index Scan using dead_letters_.*_finished_at_id_idx$/.test(how),
      )
      expect(others).toEqual([])
      // One of each day is read ahead.
      expect(ours.reduce((sum, { rows }) => sum + rows, 0)).toBeLessThanOrEqual(500 + 40)
    }
  })

  it('one job is read by index, wherever it is', async () => {
    for (const states of [['ready'], ['completed'], ['dead']] as const) {
      const { ids } = await session.store.walkJobs({ states }, { before: undefined, limit: 7, scan: 70_000 })
      expect(ids).toHaveLength(7)
      for (const id of ids) {
        const scans = await session.scans(async (store) => {
          expect(await store.readJob(id)).toMatchObject({ id, state: states[0] })
          expect((await store.readEnds([id])).size).toBe(states[0] === 'ready' ? 0 : 1)
        })
        const ours = scans.filter(({ table }) => tables.includes(table))
        const others = ours.filter(
          ({ how }) => !/^Index (Only )?Scan using (jobs_pkey|(dead_letters|history).*_id(_idx)?)$/.test(how),
        )
        expect(others).toEqual([])
        expect(ours.reduce((sum, { rows }) => sum + rows, 0)).toBeLessThanOrEqual(4)
      }
    }
  })

  it('the verbs find live jobs by jobs_pkey and change them in their place', async () => {
    for (let n = 0; n < 7; n++) {
      const { ids, queues } = await session.store.walkJobs(
        { states: ['ready'] },
        { before: undefined, limit: 50, scan: 10_000 },
      )
      const order = { targets: { ids, queues }, filter: {}, patience: 0 }
      const scans = await session.scans(async (store) => {
        await store.operateJobs({ kind: 'reprioritise', priority: 4 }, order)
        await store.operateJobs({ kind: 'reschedule', at: undefined, delay: 0 }, order)
        expect(await store.operateJobs({ kind: 'cancel', reason: 'r' }, order)).toHaveLength(50)
      })
      const ours = scans.filter(({ table }) => tables.includes(table))
      expect(new Set(ours.map(({ how }) => how))).toEqual(new Set(['Tid Scan', 'Index Scan using jobs_pkey']))
      for (const { rows } of ours) expect(rows).toBeLessThanOrEqual(50)
    }
  })

  it('the verbs find what is over by its id', async () => {
    for (let n = 0; n < 7; n++) {
      const { ids, queues } = await session.store.walkJobs(
        { states: ['completed', 'dead'] },
        { before: undefined, limit: 20, scan: 10_000 },
      )
      const scans = await session.scans(async (store) => {
        const half = { ids: ids.slice(0, 10), queues: queues.slice(0, 10) }
        await store.operateJobs({ kind: 'delete' }, { targets: half, filter: {}, patience: 0 })
        const rest = { ids: ids.slice(10), queues: queues.slice(10) }
        await store.operateJobs({ kind: 'retry' }, { targets: rest, filter: {}, patience: 0 })
      })
      const walks = scans.filter(({ table, how }) => tables.includes(table) && how === 'Seq Scan')
      expect(walks).toEqual([])
      for (const { rows } of scans) expect(rows).toBeLessThanOrEqual(50)
    }
  })
})

it('marking what runs as cancelled touches no index where there is room on the page', async () => {
  const database = await createTestDatabase()
  await database.pool.query(`insert into kongtask.tasks (name) values ('work')`)
  await database.pool.query(
    `insert into kongtask.jobs (id, run_at, created_at, queue_id, task_id, worker, claim, retain_s, lane, max_attempts, payload)
     select nextval('kongtask.job_ids'), now(), now(), 1, 1, 1, 1, 0, 1, 25, '{}' from generate_series(1, 200)`,
  )
  const session = new ExplainedSession(database.connectionString)
  const { ids } = await session.store.walkJobs(
    { states: ['running'] },
    { before: undefined, limit: 200, scan: 200 },
  )
  await session.store.operateJobs(
    { kind: 'cancel', reason: 'r' },
    { targets: { ids }, filter: {}, patience: 0 },
  )
  await session.end()
  await eventually(async () => {
    const { rows } = await database.pool.query<{ updates: number; hot: number }>(
      `select n_tup_upd::int as updates, n_tup_hot_upd::int as hot
         from pg_stat_user_tables where relid = 'kongtask.jobs'::regclass`,
    )
    expect(rows[0]?.updates).toBe(200)
    // The row grows: where its page is full, it goes to another.
    expect(rows[0]?.hot).toBeGreaterThan(150)
  })
  await database.drop()
})
