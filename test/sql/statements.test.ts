import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { SettledJob } from '../../src/store/settle-jobs.ts'
import type { ClaimedJob } from '../../src/store/claim-jobs.ts'
import { pgDatabase } from '../../src/store/pg-database.ts'
import { forSchema } from '../../src/store/statement.ts'
import * as generated from '../../src/store/statements.generated.ts'
import { createStore, type Store } from '../../src/store/store.ts'
import type { Registration } from '../../src/store/workers.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { withClient } from '../support/run-databases.ts'
import { eventually } from '../support/wait.ts'
import { newJob } from '../store/fixture.ts'
import { describeStatement } from './described.ts'
import { ExplainedSession } from './explained.ts'

const statements = Object.values(generated)
/** Utility statements, which the server does not prepare. The tests of their verbs run them. */
const unprepared = new Set(['create_schema', 'detach_day', 'drop_day', 'finalize_day', 'listen'])

it('every file of sql/queries is a statement', () => {
  const folder = fileURLToPath(new URL('../../sql/queries', import.meta.url))
  const files = readdirSync(folder).map((file) => file.replace(/\.sql$/, ''))
  expect(statements.map(({ name }) => name).toSorted()).toEqual(files.toSorted())
})

describe.each(['select', 'user', 'kongtask'])('in the schema "%s"', (schema) => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await createTestDatabase({ migrated: false })
    await createStore(pgDatabase(database.pool, 30_000), schema).migrate()
  })
  afterAll(() => database.drop())

  async function typeNames(types: readonly (string | number)[]): Promise<unknown[]> {
    const { rows } = await database.pool.query<{ name: string }>(
      `select t::regtype::text as name from unnest($1::text[]) with ordinality as x (t, n) order by n`,
      [types],
    )
    return rows.map(({ name }) => name)
  }

  it.each(statements.filter(({ name }) => !unprepared.has(name)))(
    '$name is what its header says',
    async ({ text, parameters, columns }) => {
      const described = await withClient(database.connectionString, (client) =>
        describeStatement(client, forSchema(text, schema)),
      )
      expect(await typeNames(described.parameters)).toEqual(
        await typeNames(parameters.map(([, type]) => type)),
      )
      const types = await typeNames(described.columns.map(({ type }) => type))
      const answered = described.columns
        .map(({ name }, n) => [name, types[n]])
        // A function that returns nothing has a column for it.
        .filter(([, type]) => type !== 'void')
      const promised = await typeNames(columns.map(([, type]) => type))
      expect(answered).toEqual(columns.map(([name], n) => [name, promised[n]]))
    },
  )

  it('nothing is written for the schema kongtask alone', () => {
    if (schema === 'kongtask') return
    for (const { text } of statements) expect(forSchema(text, schema)).not.toContain('kongtask')
  })

  it.each([...unprepared])('%s has neither parameters nor columns', (name) => {
    expect(statements.find((statement) => statement.name === name)).toMatchObject({
      parameters: [],
      columns: [],
    })
  })
})

const BACKLOG = 50_000
const BATCH = 200

// The planner must find the same way whatever it believes about the table.
const statistics: readonly (readonly [name: string, prepare: (database: TestDatabase) => Promise<void>])[] = [
  [
    'gathered while the table was empty',
    async (database) => {
      // A row that comes and goes: the table has pages then, and statistics say that they are empty.
      await fill(database, 1)
      await database.pool.query('delete from kongtask.jobs')
      await database.pool.query('vacuum analyze kongtask.jobs')
      await fill(database, BACKLOG)
    },
  ],
  [
    'gathered while it was full',
    async (database) => {
      await fill(database, BACKLOG)
      await database.pool.query('vacuum analyze kongtask.jobs')
    },
  ],
  ['never gathered', (database) => fill(database, BACKLOG)],
]

/** Ready jobs of three priorities in two queues; faster than adding them one after the other. */
async function fill(database: TestDatabase, count: number): Promise<void> {
  await database.pool.query(
    `insert into kongtask.jobs
       (id, run_at, created_at, queue_id, task_id, retain_s, lane, max_attempts, payload)
     select nextval('kongtask.job_ids'), clock_timestamp() - n * interval '1 ms', clock_timestamp(), 1 + n % 2, 1,
            60 * (n % 3), n % 3, 25, '{}'
       from generate_series(1, $1) n`,
    [count],
  )
}

describe.each(statistics)('with statistics that were %s', (_, prepare) => {
  let database: TestDatabase
  let session: ExplainedSession
  let worker: Registration
  let claims = 0
  beforeAll(async () => {
    database = await createTestDatabase()
    // Statistics stay what the test made of them.
    await database.pool.query('alter table kongtask.jobs set (autovacuum_enabled = off)')
    await database.pool.query(`insert into kongtask.tasks (name) values ('work')`)
    await database.pool.query(`insert into kongtask.queues (name) values ('a'), ('b')`)
    await prepare(database)
    session = new ExplainedSession(database.connectionString)
    await session.start()
    worker = await session.store.registerWorker(600_000, {})
  })
  afterAll(async () => {
    await session.end()
    await database.drop()
  })

  async function claim(store: Store): Promise<readonly ClaimedJob[]> {
    claims += 1
    const queues = new Map([[1, BATCH]])
    const { jobs } = await store.claimJobs({ ...worker, claim: claims, queues, total: BATCH, tasks: [1] })
    expect(jobs).toHaveLength(BATCH)
    return jobs
  }

  const kinds: readonly SettledJob['settlement'][] = [
    { kind: 'completed', result: undefined },
    { kind: 'retry', delay: 3_600_000, error: { name: 'E', message: 'e' } },
    { kind: 'dead', reason: 'attempts', error: { name: 'E', message: 'e' } },
    { kind: 'cancelled', reason: 'r' },
    { kind: 'released' },
  ]

  // Plans of functions are made anew for the first five calls and then kept: all of these must be good.
  it('a claim walks jobs_lane, and reads no more than it takes', async () => {
    for (let n = 0; n < 8; n++) {
      const scans = await session.scansOf('jobs', claim)
      const walks = scans.filter(({ how }) => how !== 'Tid Scan')
      expect(new Set(walks.map(({ how }) => how))).toEqual(new Set(['Index Scan using jobs_lane']))
      // Jobs that this test has claimed before are still there, in the lane's best place.
      expect(walks.reduce((sum, { rows }) => sum + rows, 0)).toBeLessThanOrEqual((claims + 1) * BATCH)
      for (const scan of scans) expect(scan.rows).toBeLessThanOrEqual((claims + 1) * BATCH)
    }
  })

  it('a settlement looks into jobs_pkey, and reads no more than it settles', async () => {
    for (let n = 0; n < 8; n++) {
      const jobs = await claim(session.store)
      const scans = await session.scansOf('jobs', (store) =>
        store.settleJobs({
          worker: worker.worker,
          queue: 1,
          closed: [claims],
          jobs: jobs.map((job, index) => ({
            ...job,
            settlement: kinds[index % kinds.length] ?? { kind: 'released' },
          })),
        }),
      )
      const looks = scans.filter(({ how }) => how !== 'Tid Scan')
      expect(new Set(looks.map(({ how }) => how))).toEqual(new Set(['Index Scan using jobs_pkey']))
      for (const scan of scans) expect(scan.rows).toBeLessThanOrEqual(BATCH)
    }
  })

  it('a heartbeat that gives a claim back, and a rescue, look into jobs_pkey', async () => {
    for (let n = 0; n < 8; n++) {
      await claim(session.store)
      const known = Array.from({ length: claims - 1 }, (__, index) => index + 1)
      const scans = await session.scansOf('jobs', (store) =>
        store.heartbeat({ ...worker, lease: 600_000, known, before: claims + 1, heard: [] }),
      )
      expect(scans).not.toEqual([])
      for (const { how, rows } of scans) {
        expect(['Tid Scan', 'Index Scan using jobs_pkey']).toContain(how)
        expect(rows).toBeLessThanOrEqual(BATCH)
      }
    }
  })
})

describe('jobs that are not due', () => {
  let database: TestDatabase
  let session: ExplainedSession
  afterEach(async () => {
    await session.end()
    await database.drop()
  })

  it('cost a claim nothing, be they ever so many and of better priority', async () => {
    database = await createTestDatabase()
    await database.pool.query(`insert into kongtask.tasks (name) values ('work')`)
    await database.pool.query(`insert into kongtask.queues (name) values ('a'), ('b')`)
    session = new ExplainedSession(database.connectionString)
    await session.start()
    const worker = await session.store.registerWorker(600_000, {})
    let claims = 0
    const pages = (): Promise<number> =>
      session.pagesOf(async (store) => {
        claims += 1
        const { jobs } = await store.claimJobs({
          ...worker,
          claim: claims,
          queues: new Map([[1, BATCH]]),
          total: BATCH,
          tasks: [1],
        })
        expect(jobs).toHaveLength(BATCH)
      })
    await fill(database, 4_000)
    await database.pool.query('update kongtask.jobs set lane = 5')
    await database.pool.query('vacuum analyze kongtask.jobs')
    // The first claims of a connection read the catalogue, too, and so does one behind whoever refreshes statistics.
    const least = async (): Promise<number> => Math.min(await pages(), await pages(), await pages())
    await pages()
    const alone = await least()
    await database.pool.query(
      `insert into kongtask.jobs
         (id, run_at, created_at, queue_id, task_id, retain_s, lane, max_attempts, payload)
       select nextval('kongtask.job_ids'), clock_timestamp() + interval '1 day', clock_timestamp(), 1, 1, 0, n % 5, 25, '{}'
         from generate_series(1, 100000) n`,
    )
    const among = await least()
    // Another level of the index or two, for sixteen lanes and two hundred jobs.
    expect(among).toBeLessThan(alone * 2 + 200)
    expect(among).toBeLessThan(BATCH * 20)
  })
})

describe('a claim', () => {
  it('is a HOT update, whatever the size of the payload', async () => {
    const database = await createTestDatabase()
    await database.pool.query('alter table kongtask.jobs set (autovacuum_enabled = off)')
    const session = new ExplainedSession(database.connectionString)
    const { store } = session
    const text = JSON.stringify('x'.repeat(500))
    await store.insertJobs(
      Array.from({ length: 3_000 }, (_, n) => newJob({ payload: n % 2 === 0 ? text : '{}' })),
    )
    const worker = await store.registerWorker(600_000, {})
    for (let claim = 1; claim <= 15; claim++) {
      const { jobs } = await store.claimJobs({ ...worker, claim, queues: 'all', total: BATCH, tasks: [1] })
      expect(jobs).toHaveLength(BATCH)
    }
    // A connection hands in what it counted when it ends.
    await session.end()
    await eventually(async () => {
      const { rows } = await database.pool.query(
        `select n_tup_upd::int as updates, n_tup_hot_upd::int as hot
           from pg_stat_user_tables where relid = 'kongtask.jobs'::regclass`,
      )
      expect(rows).toEqual([{ updates: 3_000, hot: 3_000 }])
    })
    await database.drop()
  })
})
