import { defineTask, KongTask, newJob, type AddedJob, type NewJobSpec } from 'kongtask'
import { Pool } from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { deferred } from '../support/wait.ts'

let database: TestDatabase
let kong: KongTask
beforeAll(async () => {
  database = await createTestDatabase()
  kong = new KongTask({ pool: database.pool })
})
afterAll(() => database.drop())
beforeEach(() => database.pool.query('truncate kongtask.jobs'))

const task = defineTask('a', { queue: 'q' })

async function count(): Promise<number> {
  const { rows } = await database.pool.query<{ count: number }>(
    'select count(*)::int as count from kongtask.jobs',
  )
  return rows[0]?.count ?? -1
}

async function* numbered(jobs: number): AsyncGenerator<NewJobSpec> {
  for (let n = 0; n < jobs; n++) yield newJob(task, { n })
}

async function* broken(jobs: number, error: Error): AsyncGenerator<NewJobSpec> {
  yield* numbered(jobs)
  throw error
}

describe('a stream', () => {
  it('is added as a whole, with its ids in order', async () => {
    const ids: string[] = []
    const onAdded = (jobs: readonly AddedJob[], first: number): void => {
      expect(first).toBe(ids.length)
      ids.push(...jobs.map(({ id }) => id))
    }
    expect(await kong.addJobs(numbered(12_345), { onAdded })).toEqual({
      added: 12_345,
      skipped: 0,
      replaced: 0,
    })
    const { rows } = await database.pool.query<{ id: string }>(
      `select id::text from kongtask.jobs order by (payload ->> 'n')::int4`,
    )
    expect(ids).toEqual(rows.map(({ id }) => id))
  })

  it('cannot be seen before its end', async () => {
    const gate = deferred()
    const seen = deferred()
    async function* pausing(): AsyncGenerator<NewJobSpec> {
      yield* numbered(5_000)
      await gate.promise
      yield* numbered(1)
    }
    const added = kong.addJobs(pausing(), { onAdded: () => seen.resolve() })
    await seen.promise
    expect(await count()).toBe(0)
    gate.resolve()
    await added
    expect(await count()).toBe(5_001)
  })

  it('of a source that breaks leaves nothing, and rejects with that error', async () => {
    const error = new Error('no more rows')
    await expect(kong.addJobs(broken(12_000, error))).rejects.toBe(error)
    expect(await count()).toBe(0)
  })

  it('that the database refuses late leaves nothing', async () => {
    await database.pool.query(
      `alter table kongtask.jobs add constraint refuse_late check ((payload ->> 'n')::int4 < 6000)`,
    )
    await expect(kong.addJobs(numbered(20_000))).rejects.toMatchObject({ constraint: 'refuse_late' })
    await database.pool.query('alter table kongtask.jobs drop constraint refuse_late')
    expect(await count()).toBe(0)
  })

  it('counts what was skipped because of its unique key', async () => {
    async function* twice(): AsyncGenerator<NewJobSpec> {
      for (let n = 0; n < 10; n++) yield newJob(task, { n }, { uniqueKey: `k${n % 5}` })
    }
    expect(await kong.addJobs(twice())).toEqual({ added: 5, skipped: 5, replaced: 0 })
    expect(await count()).toBe(5)
  })

  it('gives its connection back, however it ends', async () => {
    const pool = new Pool({ connectionString: database.connectionString, max: 1 })
    const one = new KongTask({ pool, deadline: '2s' })
    await one.addJobs(numbered(6_000))
    await expect(one.addJobs(broken(6_000, new Error('x')))).rejects.toThrow('x')
    await expect(
      one.addJobs(numbered(6_000), { onAdded: () => Promise.reject(new Error('y')) }),
    ).rejects.toThrow('y')
    expect(await one.addJob(task, { n: 1 })).toMatchObject({ status: 'added' })
    await one.close()
    await pool.end()
    expect(await count()).toBe(6_001)
  })
})

describe('the deadline', () => {
  it('is meant for each chunk: a slow source does not trip it', async () => {
    const hasty = new KongTask({ pool: database.pool, deadline: 1_500 })
    async function* slow(): AsyncGenerator<NewJobSpec> {
      for (let chunk = 0; chunk < 2; chunk++) {
        yield* numbered(5_000)
        await new Promise((resolve) => setTimeout(resolve, 800))
      }
    }
    expect(await hasty.addJobs(slow())).toMatchObject({ added: 10_000 })
  })

  it('ends a chunk that is blocked; nothing is left, and the connection is not used again', async () => {
    const pool = new Pool({ connectionString: database.connectionString, max: 1 })
    pool.on('error', () => undefined)
    const hasty = new KongTask({ pool, deadline: 300 })
    const blocker = await database.pool.connect()
    await blocker.query('begin')
    await blocker.query('lock table kongtask.jobs in exclusive mode')
    let isEnded = false
    async function* source(): AsyncGenerator<NewJobSpec> {
      try {
        yield* numbered(10_000)
      } finally {
        isEnded = true
      }
    }
    await expect(hasty.addJobs(source())).rejects.toMatchObject({ code: 'KT_DEADLINE' })
    expect(isEnded).toBe(true)
    expect(pool.totalCount).toBe(0)
    await blocker.query('commit')
    blocker.release()
    await hasty.addJob(task, { n: 0 })
    await pool.end()
    expect(await count()).toBe(1)
  })
})

describe('on a transaction of the caller', () => {
  it('a stream exists if and only if that commits', async () => {
    const client = await database.pool.connect()
    try {
      await client.query('begin')
      expect(await kong.with(client).addJobs(numbered(6_000))).toMatchObject({ added: 6_000 })
      expect(await count()).toBe(0)
      await client.query('rollback')
      expect(await count()).toBe(0)
      await client.query('begin')
      await kong.with(client).addJobs(numbered(6_000))
      await client.query('commit')
      expect(await count()).toBe(6_000)
    } finally {
      client.release()
    }
  })

  it('a source that breaks leaves the decision to the caller', async () => {
    const client = await database.pool.connect()
    try {
      await client.query('begin')
      const error = new Error('no more rows')
      await expect(kong.with(client).addJobs(broken(5_001, error))).rejects.toBe(error)
      await client.query('commit')
      // What filled a chunk had been written.
      expect(await count()).toBe(5_000)
    } finally {
      client.release()
    }
  })
})

it('a connection that is lost between two chunks rejects, and leaves nothing', async () => {
  const pool = new Pool({ connectionString: database.connectionString, max: 1, application_name: 'victim' })
  pool.on('error', () => undefined)
  const victim = new KongTask({ pool })
  async function* cut(): AsyncGenerator<NewJobSpec> {
    yield* numbered(5_000)
    await database.pool.query(
      `select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = 'victim'`,
    )
    yield* numbered(5_000)
  }
  await expect(victim.addJobs(cut())).rejects.toMatchObject({ code: 'KT_CONNECTION_LOST' })
  await pool.end()
  expect(await count()).toBe(0)
})
