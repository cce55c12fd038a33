import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Database } from '../../src/store/database.ts'
import type { Migration } from '../../src/store/migration.ts'
import { migrate, planOfAll } from '../../src/store/migrate.ts'
import { migrations } from '../../src/store/migrations.generated.ts'
import { pgDatabase } from '../../src/store/pg-database.ts'
import { createStore, type Store } from '../../src/store/store.ts'
import { newJob } from './fixture.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { eventually } from '../support/wait.ts'

// One each: a schema that was dropped stays in the catalogue until a vacuum, and makes the next slower.
let database: TestDatabase
beforeEach(async () => {
  database = await createTestDatabase({ migrated: false })
})
afterEach(() => database.drop())

const engine = () => pgDatabase(database.pool, 30_000)
const storeOf = (schema: string): Store => createStore(engine(), schema)

async function applied(schema: string): Promise<readonly { number: number; name: string }[]> {
  const { rows } = await database.pool.query<{ number: number; name: string }>(
    `select number, name from ${pg.escapeIdentifier(schema)}.migrations order by number`,
  )
  return rows
}

const all = migrations.map(({ number, name }) => ({ number, name }))
const exists = async (schema: string): Promise<boolean> =>
  (await database.pool.query('select from pg_namespace where nspname = $1', [schema])).rowCount === 1

/** Everything that stands in a schema, with when it was made. */
async function objects(schema: string): Promise<unknown> {
  const { rows } = await database.pool.query(
    `select 'relation' as kind, c.relname as name, c.xmin::text from pg_class c
       join pg_namespace n on n.oid = c.relnamespace where n.nspname = $1
     union all
     select 'function', p.proname, p.xmin::text from pg_proc p
       join pg_namespace n on n.oid = p.pronamespace where n.nspname = $1
     order by 1, 2, 3`,
    [schema],
  )
  return rows
}

async function works(schema: string): Promise<void> {
  const store = storeOf(schema)
  const [added] = await store.insertJobs([newJob({ task: 'work', payload: '{}', queue: 'q' })])
  const worker = await store.registerWorker(60_000, {})
  const names = await store.publish({ work: {} }, ['q'])
  const { jobs } = await store.claimJobs({
    ...worker,
    claim: 1,
    queues: 'all',
    total: 5,
    tasks: [...names.tasks.values()],
  })
  expect(jobs.map(({ id }) => id)).toEqual([added?.id])
  await store.settleJobs({
    worker: worker.worker,
    queue: names.queues.get('q') ?? -1,
    closed: [1],
    jobs: jobs.map((job) => ({ ...job, settlement: { kind: 'completed', result: 1 } })),
  })
  expect(await store.readJob(added?.id ?? '')).toMatchObject({ state: 'completed', result: 1 })
  expect(await store.heartbeat({ ...worker, lease: 1_000, known: [], before: 2, heard: [] })).toEqual({
    alive: true,
    isSeen: false,
    messages: [],
    others: { absent: false, rescue: false },
  })
  expect(await store.rescueWorkers()).toEqual({ workers: 0, jobs: 0 })
  expect(await store.takeTurn('prune', 1_000)).toBe(true)
  expect(await store.extendDays()).toBe(0)
  expect(await store.dropExpiredDays()).toBe(0)
  expect(await store.pruneOverflow()).toEqual({ pruned: 0, more: false })
  expect(await store.listJobs({ states: ['dead'] }, { before: undefined, limit: 5, scan: 5 })).toMatchObject({
    jobs: [],
  })
  await store.unregisterWorker(worker)
}

describe('a migration', () => {
  it('makes everything in an empty database, in order', async () => {
    await storeOf('kongtask').migrate()
    expect(await applied('kongtask')).toEqual(all)
    await works('kongtask')
  })

  it('does nothing the second time', async () => {
    await storeOf('kongtask').migrate()
    const before = await objects('kongtask')
    await storeOf('kongtask').migrate()
    expect(await objects('kongtask')).toEqual(before)
    expect(await applied('kongtask')).toEqual(all)
  })

  it('goes on from where an older version stopped', async () => {
    await migrate(engine(), 'kongtask', { migrations: migrations.slice(0, 3) })
    expect(await applied('kongtask')).toEqual(all.slice(0, 3))
    await storeOf('kongtask').migrate()
    expect(await applied('kongtask')).toEqual(all)
    await works('kongtask')
  })

  it('uses a schema that is there and empty', async () => {
    await database.pool.query('create schema kongtask')
    await storeOf('kongtask').migrate()
    expect(await applied('kongtask')).toEqual(all)
    await works('kongtask')
  })

  it.each([
    ['nothing is known of the database', () => planOfAll('kongtask')],
    ['it was looked at', () => storeOf('kongtask').planMigrations()],
  ])(
    'does as SQL what it does by itself, also in a schema that is there and empty, where %s',
    async (_, planOf) => {
      await database.pool.query('create schema kongtask')
      const { pending } = await planOf()
      for (const { sql } of pending) await database.pool.query(sql)
      expect(await applied('kongtask')).toEqual(all)
      await works('kongtask')
    },
  )

  it('by twenty at once happens once', async () => {
    const pools = Array.from(
      { length: 20 },
      () => new pg.Pool({ connectionString: database.connectionString, max: 2 }),
    )
    try {
      await Promise.all(pools.map((pool) => createStore(pgDatabase(pool, 60_000), 'kongtask').migrate()))
    } finally {
      await Promise.all(pools.map((pool) => pool.end()))
    }
    expect(await applied('kongtask')).toEqual(all)
    await works('kongtask')
  })

  it('by processes that start at once happens once', async () => {
    const program = fileURLToPath(new URL('migrating-process.ts', import.meta.url))
    const outcomes = await Promise.all(
      Array.from({ length: 4 }, async () => {
        const child = spawn(process.execPath, ['--import', 'tsx', program, database.connectionString], {
          stdio: ['ignore', 'ignore', 'pipe'],
        })
        const complaint = text(child.stderr)
        const code = await new Promise((resolve) => child.once('exit', resolve))
        return { code, complaint: await complaint }
      }),
    )
    expect(outcomes).toEqual(outcomes.map(() => ({ code: 0, complaint: '' })))
    expect(await applied('kongtask')).toEqual(all)
  })

  describe('while another is at it', () => {
    const DEADLINE = 1_000
    const hasty = (): Database => pgDatabase(database.pool, DEADLINE)
    const LOCK = `hashtextextended('kongtask:migrations', 0)`
    const waiting = async (): Promise<number> => {
      const { rowCount } = await database.pool.query(
        `select from pg_locks where locktype = 'advisory' and not granted
            and database = (select oid from pg_database where datname = current_database())`,
      )
      return rowCount ?? 0
    }
    let other: pg.PoolClient
    beforeEach(async () => {
      other = await database.pool.connect()
      await other.query(`begin; select pg_advisory_xact_lock(${LOCK})`)
    })
    afterEach(() => other.release(true))

    it('or works long itself, is ended by no deadline', async () => {
      const migrating = migrate(hasty(), 'kongtask')
      migrating.catch(() => undefined)
      await eventually(async () => expect(await waiting()).toBe(1))
      // Begun later, and so long has the other one waited too.
      await expect(hasty().query('select pg_sleep(60)', [])).rejects.toMatchObject({ code: 'KT_DEADLINE' })
      await database.pool.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
          where query = 'select pg_sleep(60)' and datname = current_database()`,
      )
      await other.query('commit')
      await migrating
      expect(await applied('kongtask')).toEqual(all)
    })

    it('ends when its signal aborts: nobody waits on the server any more, and nothing is done', async () => {
      const stop = new AbortController()
      const migrating = migrate(hasty(), 'kongtask', { signal: stop.signal })
      migrating.catch(() => undefined)
      await eventually(async () => expect(await waiting()).toBe(1))
      const reason = new Error('enough')
      stop.abort(reason)
      await expect(migrating).rejects.toBe(reason)
      await eventually(async () => expect(await waiting()).toBe(0))
      await expect(migrate(hasty(), 'kongtask', { signal: stop.signal })).rejects.toBe(reason)
      await other.query('commit')
      expect(await exists('kongtask')).toBe(false)
      await storeOf('kongtask').migrate()
      expect(await applied('kongtask')).toEqual(all)
    })
  })

  it('of one schema leaves another alone', async () => {
    await storeOf('one').migrate()
    const before = await objects('one')
    await storeOf('two').migrate()
    expect(await objects('one')).toEqual(before)
    await storeOf('one').insertJobs([newJob({ queue: 'own' })])
    expect(await storeOf('two').readQueueNames()).toEqual(new Map([[1, 'default']]))
  })
})

describe('the name of a schema', () => {
  // Words of SQL's, of PL/pgSQL's and of our own. The door refuses some of them; the store must stand them all.
  it.each([
    'select',
    'user',
    'order',
    'jobs',
    'j',
    'id',
    'history',
    'new',
    'kongtask_kongtask',
    'x'.repeat(48),
    '_',
  ])('may be %s', async (schema) => {
    await storeOf(schema).migrate()
    expect(await applied(schema)).toEqual(all)
    await works(schema)
    expect(await exists('kongtask')).toBe(false)
  })
})

describe('a schema of somebody else', () => {
  it.each([
    ['a table', 'create table kongtask.users (id int)'],
    ['a table of the name of ours', 'create table kongtask.migrations (id int, name text)'],
    ['a view', 'create view kongtask.things as select 1 as one'],
    ['a function', `create function kongtask.f() returns int language sql as 'select 1'`],
  ])('with %s is refused, and not touched', async (_, statement) => {
    await database.pool.query('create schema kongtask')
    await database.pool.query(statement)
    const before = await objects('kongtask')
    await expect(storeOf('kongtask').migrate()).rejects.toMatchObject({ code: 'KT_SCHEMA_FOREIGN' })
    await expect(storeOf('kongtask').checkSchema()).rejects.toMatchObject({ code: 'KT_SCHEMA_FOREIGN' })
    expect(await objects('kongtask')).toEqual(before)
  })
})

describe('a database that newer code has migrated', () => {
  const newer = (breaking: boolean): readonly Migration[] => [
    ...migrations,
    {
      number: migrations.length,
      name: 'from_the_future',
      breaking,
      sql: 'create table kongtask.future (id int)',
    },
  ]

  it('in a breaking way is refused, whatever comes after', async () => {
    const next = { number: migrations.length + 1, name: 'harmless', breaking: false, sql: 'select 1' }
    await migrate(engine(), 'kongtask', { migrations: [...newer(true), next] })
    const refusal = { code: 'KT_SCHEMA_TOO_NEW', message: expect.stringContaining('from_the_future') }
    await expect(storeOf('kongtask').migrate()).rejects.toMatchObject(refusal)
    await expect(storeOf('kongtask').checkSchema()).rejects.toMatchObject(refusal)
  })

  it('in another way is worked with', async () => {
    await migrate(engine(), 'kongtask', { migrations: newer(false) })
    const before = await objects('kongtask')
    await storeOf('kongtask').migrate()
    await storeOf('kongtask').checkSchema()
    expect(await objects('kongtask')).toEqual(before)
    await works('kongtask')
  })
})

describe('a check without migrating', () => {
  it.each([0, 1, 4])('says that only %i migrations were applied', async (count) => {
    if (count > 0) await migrate(engine(), 'kongtask', { migrations: migrations.slice(0, count) })
    await expect(storeOf('kongtask').checkSchema()).rejects.toMatchObject({ code: 'KT_NOT_MIGRATED' })
  })

  it('makes nothing', async () => {
    await expect(storeOf('kongtask').checkSchema()).rejects.toMatchObject({ code: 'KT_NOT_MIGRATED' })
    expect(await exists('kongtask')).toBe(false)
  })
})

describe('a migration that fails', () => {
  const failing = (at: number): readonly Migration[] =>
    migrations
      .slice(0, at + 1)
      .map((migration) =>
        migration.number === at
          ? { ...migration, sql: `${migration.sql}; create table kongtask.half (id int); select 1 / 0` }
          : migration,
      )

  it('at the very first step leaves no schema', async () => {
    await expect(migrate(engine(), 'kongtask', { migrations: failing(0) })).rejects.toMatchObject({
      code: '22012',
    })
    expect(await exists('kongtask')).toBe(false)
  })

  it('later leaves what was there before that step, and can be repeated', async () => {
    await migrate(engine(), 'kongtask', { migrations: migrations.slice(0, 4) })
    const before = await objects('kongtask')
    await expect(migrate(engine(), 'kongtask', { migrations: failing(4) })).rejects.toMatchObject({
      code: '22012',
    })
    expect(await objects('kongtask')).toEqual(before)
    await storeOf('kongtask').migrate()
    await works('kongtask')
  })

  it('leaves its connection usable, with no transaction open', async () => {
    await expect(migrate(engine(), 'kongtask', { migrations: failing(2) })).rejects.toMatchObject({
      code: '22012',
    })
    const { rows } = await database.pool.query(
      `select pid from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'`,
    )
    expect(rows).toEqual([])
  })
})

describe('the migrations themselves', () => {
  it('are numbered without a gap, and say which of them are breaking', () => {
    expect(migrations.map(({ number }) => number)).toEqual(migrations.map((_, index) => index))
    for (const { sql, breaking } of migrations) expect(breaking).toBe(sql.startsWith('--! breaking'))
  })
})
