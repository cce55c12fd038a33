// Statements that connections keep prepared, and the situations in which they must do without.
import { connect, createServer, type Server, type Socket } from 'node:net'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Settlement } from '../../src/core/settlement.ts'
import { KongTask } from '../../src/index.ts'
import { pgDatabase } from '../../src/store/pg-database.ts'
import { createStore } from '../../src/store/store.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
const opened: pg.Pool[] = []

beforeAll(async () => {
  database = await createTestDatabase()
})
afterEach(async () => {
  await database.pool.query('truncate kongtask.jobs')
  await Promise.all(opened.splice(0).map((pool) => pool.end()))
})
afterAll(() => database.drop())

/** A process with one connection. */
function processOn(connectionString: string): { readonly pool: pg.Pool; readonly kong: KongTask } {
  const pool = new pg.Pool({ connectionString, max: 1 })
  opened.push(pool)
  return { pool, kong: new KongTask({ pool }) }
}

async function preparedOn(pool: pg.Pool | pg.PoolClient): Promise<string[]> {
  const { rows } = await pool.query<{ name: string }>('select name from pg_prepared_statements order by name')
  return rows.map(({ name }) => name)
}

async function payloads(): Promise<unknown[]> {
  const { rows } = await database.pool.query<{ payload: unknown }>(
    'select payload from kongtask.jobs order by id',
  )
  return rows.map(({ payload }) => payload)
}

const INSERT_JOBS = /^kongtask_insert_jobs_[0-9a-f]{16}$/

describe('a connection of the pool', () => {
  it('keeps the statement that adds a job prepared', async () => {
    const { pool, kong } = processOn(database.connectionString)
    await kong.addJob('task', 1)
    await kong.addJob('task', 2)
    expect(await preparedOn(pool)).toEqual([expect.stringMatching(INSERT_JOBS)])
    expect(await payloads()).toEqual([1, 2])
  })

  it('whose prepared statements somebody dropped adds each job once, and prepares no more', async () => {
    const { pool, kong } = processOn(database.connectionString)
    await kong.addJob('task', 1)
    await pool.query('deallocate all')
    await kong.addJob('task', 2)
    await kong.addJob('task', 3)
    expect(await preparedOn(pool)).toEqual([])
    expect(await payloads()).toEqual([1, 2, 3])
  })

  it('claims and settles, with what it had prepared and when that is gone', async () => {
    const { pool, kong } = processOn(database.connectionString)
    const store = createStore(pgDatabase(pool, 20_000), 'kongtask')
    const registration = await store.registerWorker(60_000, {})
    await kong.addJobs([{ task: 'task' }, { task: 'task' }])
    const { rows } = await pool.query<{ id: number }>('select id from kongtask.tasks')
    const work = async (claim: number): Promise<void> => {
      const tasks = rows.map(({ id }) => id)
      const { jobs } = await store.claimJobs({ ...registration, claim, queues: 'all', total: 1, tasks })
      const { worker } = registration
      const settlement: Settlement = { kind: 'completed', result: undefined }
      const settled = jobs.map((job) => ({ ...job, settlement }))
      const queue = jobs[0]?.queueId ?? 0
      expect(await store.settleJobs({ worker, queue, jobs: settled, closed: [claim] })).toMatchObject({
        refused: new Set(),
      })
    }
    await work(1)
    expect((await preparedOn(pool)).map((name) => name.replace(/_[0-9a-f]{16}$/, ''))).toEqual([
      'kongtask_claim_jobs',
      'kongtask_insert_jobs',
      'kongtask_settle_jobs',
    ])
    await pool.query('deallocate all')
    await work(2)
    expect(await payloads()).toEqual([])
  })

  it('goes on preparing after an error that names have nothing to do with', async () => {
    await database.pool.query(`
      create function public.refuse() returns trigger language plpgsql as $$
      begin
        raise exception 'not yet' using errcode = 'feature_not_supported';
      end $$;
      create trigger refusing before insert on kongtask.jobs
        for each row when (new.payload = '"refused"') execute function public.refuse()`)
    try {
      const { pool, kong } = processOn(database.connectionString)
      await expect(kong.addJob('task', 'refused')).rejects.toThrow('not yet')
      await kong.addJob('task', 1)
      expect(await preparedOn(pool)).toEqual([expect.stringMatching(INSERT_JOBS)])
      expect(await payloads()).toEqual([1])
    } finally {
      await database.pool.query('drop trigger refusing on kongtask.jobs; drop function public.refuse()')
    }
  })
})

describe('a transaction', () => {
  it("of the caller's is spared prepared statements: their failure would end it", async () => {
    const { pool, kong } = processOn(database.connectionString)
    const client = await pool.connect()
    await client.query('begin')
    await kong.with(client).addJob('task', 1)
    await kong.with(client).addJobs([{ task: 'task', payload: 2 }])
    await client.query('commit')
    expect(await preparedOn(client)).toEqual([])
    client.release()
    expect(await payloads()).toEqual([1, 2])
  })

  it('of ours, for more than a statement takes, is spared them, too', async () => {
    const { pool, kong } = processOn(database.connectionString)
    await kong.addJobs(Array.from({ length: 5_001 }, (_, payload) => ({ task: 'task', payload })))
    expect(await preparedOn(pool)).toEqual([])
    expect(await payloads()).toHaveLength(5_001)
  })
})

/**
 * What a pooler in transaction mode does to those behind it: after a transaction, the next one may run on another's session.
 * Connections pass through as they are; `swap` makes two of them go on with each other's session.
 */
class Pooler implements AsyncDisposable {
  readonly #server: Server
  readonly #pairs: { near: Socket; far: Socket }[] = []

  constructor(target: { readonly host: string; readonly port: number }) {
    this.#server = createServer((near) => {
      const pair = { near, far: connect(target) }
      this.#pairs.push(pair)
      this.#relay(pair.far)
      near.on('data', (data) => pair.far.write(data))
      near.on('error', () => undefined)
      near.on('close', () => pair.far.destroy())
    })
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('the pooler listens on no port')
    return address.port
  }

  #relay(far: Socket): void {
    far.on('data', (data) => this.#pairs.find((pair) => pair.far === far)?.near.write(data))
    far.on('error', () => undefined)
  }

  swap(): void {
    const [a, b] = this.#pairs
    if (a === undefined || b === undefined) throw new Error('there are no two connections to swap')
    ;[a.far, b.far] = [b.far, a.far]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { near, far } of this.#pairs) {
      near.destroy()
      far.destroy()
    }
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

describe('behind a pooler that hands each transaction to another session', () => {
  it('jobs are added, each once, where the session knows the name and where it does not', async () => {
    const direct = new URL(database.connectionString)
    await using pooler = new Pooler({ host: direct.hostname, port: Number(direct.port) })
    const through = new URL(direct)
    through.hostname = '127.0.0.1'
    through.port = String(await pooler.listen())
    const [one, other] = [processOn(through.href), processOn(through.href)]
    // Else the pooler's end would be an error that nobody hears.
    for (const { pool } of [one, other]) pool.on('error', () => undefined)

    await one.kong.addJob('task', 'prepared')
    expect(await preparedOn(other.pool)).toEqual([])
    pooler.swap()
    await one.kong.addJob('task', 'on a session that knows nothing')
    await other.kong.addJob('task', 'on one where the name is taken')
    pooler.swap()
    await one.kong.addJob('task', 'back')
    await other.kong.addJob('task', 'back, too')

    expect(await preparedOn(one.pool)).toEqual([expect.stringMatching(INSERT_JOBS)])
    expect(await preparedOn(other.pool)).toEqual([])
    expect(await payloads()).toEqual([
      'prepared',
      'on a session that knows nothing',
      'on one where the name is taken',
      'back',
      'back, too',
    ])
  })
})
