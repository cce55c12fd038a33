import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest'
import type { NewJob, NewJobOptions } from '../../src/core/new-job.ts'
import type { JobRetention } from '../../src/core/retention.ts'
import type { ClaimedJob } from '../../src/store/claim-jobs.ts'
import { pgDatabase } from '../../src/store/pg-database.ts'
import { createStore, type Store } from '../../src/store/store.ts'
import type { Registration } from '../../src/store/workers.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { emptyTables } from '../support/empty-tables.ts'

const DEADLINE = 20_000
const LEASE = 60_000

/** A connection of its own: what it begins stays open until it ends it, while others look on. */
export interface Session {
  readonly store: Store
  query(text: string, values?: unknown[]): Promise<readonly Record<string, unknown>[]>
}

/** A job as tests write it: of the task `work` with an empty payload, unless they say otherwise. */
export type FixtureJob = Partial<Omit<NewJob, 'options'>> &
  Omit<NewJobOptions, 'retain'> & {
    /** A plain time is that of a finished job. */
    readonly retain?: number | false | JobRetention
  }

export function newJob(job: FixtureJob): NewJob {
  const { task = 'work', payload = '{}', contract = false, retain, ...options } = job
  if (retain === undefined) return { task, payload, contract, options }
  const retention = typeof retain === 'object' ? retain : { finished: retain }
  return { task, payload, contract, options: { ...options, retain: retention } }
}

/** The tables of one test file, empty at the start of each test, and who works on them. */
export class StoreFixture {
  #database: TestDatabase | undefined
  #sessions: pg.Pool[] = []

  get database(): TestDatabase {
    if (this.#database === undefined) throw new Error('there is a database only while tests run')
    return this.#database
  }

  get store(): Store {
    return createStore(pgDatabase(this.database.pool, DEADLINE), 'kongtask')
  }

  async open(): Promise<void> {
    this.#database = await createTestDatabase()
  }

  async close(): Promise<void> {
    await this.database.drop()
  }

  async empty(): Promise<void> {
    await this.moveClock('0 s')
    await emptyTables((text) => this.query(text))
  }

  async endSessions(): Promise<void> {
    const ended = this.#sessions.map((pool) => pool.end())
    this.#sessions = []
    await Promise.all(ended)
  }

  /** Statements of this one never wait for a lock of another: they fail instead. */
  async session(): Promise<Session> {
    // A pool of one is one connection, so that a transaction can span several verbs.
    const pool = new pg.Pool({ connectionString: this.database.connectionString, max: 1 })
    // A test may end its connection; the next statement tells.
    pool.on('error', () => undefined)
    this.#sessions.push(pool)
    await pool.query(`set lock_timeout = '1s'`)
    return {
      store: createStore(pgDatabase(pool, DEADLINE), 'kongtask'),
      query: async (text, values = []) => (await pool.query<Record<string, unknown>>(text, values)).rows,
    }
  }

  async query(text: string, values: unknown[] = []): Promise<readonly Record<string, unknown>[]> {
    return (await this.database.pool.query<Record<string, unknown>>(text, values)).rows
  }

  /** The first column of the first row. */
  async value(text: string, values: unknown[] = []): Promise<unknown> {
    const [row] = await this.query(text, values)
    return row === undefined ? undefined : Object.values(row)[0]
  }

  /** From now on, KongTask's time is this far from that of the clock on the wall. */
  async moveClock(by: string): Promise<void> {
    await this.query(`create or replace function kongtask.clock() returns timestamptz
      language sql volatile parallel safe return clock_timestamp() + interval '${by}'`)
  }

  /** Adds jobs and returns their ids. */
  async add(...jobs: readonly FixtureJob[]): Promise<string[]> {
    return (await this.store.insertJobs(jobs.map(newJob))).map(({ id }) => id)
  }

  /** Adds one job and returns its id. */
  async addOne(job: FixtureJob = {}): Promise<string> {
    return first(await this.add(job))
  }

  /** The numbers of all queues by name. */
  async queues(): Promise<ReadonlyMap<string, number>> {
    const names = await this.store.readQueueNames()
    return new Map([...names].map(([number, name]) => [name, number]))
  }

  /** The numbers of all tasks. */
  async tasks(): Promise<number[]> {
    return (await this.query('select id from kongtask.tasks')).map(({ id }) => Number(id))
  }

  async worker(lease = LEASE): Promise<FixtureWorker> {
    return new FixtureWorker(this, await this.store.registerWorker(lease, {}))
  }

  /** The ledger's rows of a worker: claim and the ids that it names. */
  async ledger(worker: number): Promise<{ claim: unknown; ids: unknown }[]> {
    const rows = await this.query(
      'select claim, ids::text[] as ids from kongtask.claims where worker = $1 order by claim, queue_id',
      [worker],
    )
    return rows.map(({ claim, ids }) => ({ claim, ids }))
  }

  /** What every table holds, so that a test can say that nothing has changed. */
  async contents(): Promise<Record<string, unknown>> {
    const tables = [
      'jobs',
      'claims',
      'workers',
      'dead_letters',
      'history',
      'history_overflow',
      'unique_keys',
      'serial_keys',
    ]
    const contents: Record<string, unknown> = {}
    for (const table of tables) {
      contents[table] = await this.query(`select t::text from kongtask.${table} t order by t::text`)
    }
    return contents
  }
}

/** A process as the database sees one: it registers, and claims under numbers that it never uses twice. */
export class FixtureWorker {
  readonly registration: Registration
  readonly #fixture: StoreFixture
  #claims = 0

  constructor(fixture: StoreFixture, registration: Registration) {
    this.#fixture = fixture
    this.registration = registration
  }

  get number(): number {
    return this.registration.worker
  }

  /** Claims from all queues, every task that there is. */
  async claim(total: number, store: Store = this.#fixture.store): Promise<readonly ClaimedJob[]> {
    this.#claims += 1
    const tasks = await this.#fixture.tasks()
    const request = {
      ...this.registration,
      claim: this.#claims,
      queues: 'all' as const,
      total,
      tasks,
    }
    const claimed = await store.claimJobs(request)
    // Of many at once, not all have a turn.
    const { jobs } =
      claimed.hadNoTurn === true ? await store.claimJobs({ ...request, insists: true }) : claimed
    return jobs
  }

  async claimOne(store: Store = this.#fixture.store): Promise<ClaimedJob> {
    return first(await this.claim(1, store))
  }
}

/** One database for all tests of a file. */
export function useStore(): StoreFixture {
  const fixture = new StoreFixture()
  beforeAll(() => fixture.open())
  beforeEach(() => fixture.empty())
  afterEach(() => fixture.endSessions())
  afterAll(() => fixture.close())
  return fixture
}

export function first<T>(items: readonly T[]): T {
  const [item] = items
  if (item === undefined) throw new Error('there is none')
  return item
}
