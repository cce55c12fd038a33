import { defineTask, KongTask, KongTaskError, type AddedJob } from 'kongtask'
import { Pool } from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
let kong: KongTask
beforeAll(async () => {
  database = await createTestDatabase()
  kong = new KongTask({ pool: database.pool })
})
afterAll(async () => {
  await kong.close()
  await database.drop()
})
beforeEach(() => database.pool.query('truncate kongtask.jobs'))

const task = defineTask('a', { queue: 'q' })

/** What is in the table, by the numbers in the payloads, and by how many transactions it was written. */
async function written(): Promise<{
  readonly ids: ReadonlyMap<number, string>
  readonly statements: number
}> {
  const { rows } = await database.pool.query<{ id: string; n: number; statement: string }>(
    `select id::text, (payload ->> 'n')::int4 as n, xmin::text as statement from kongtask.jobs`,
  )
  return {
    ids: new Map(rows.map(({ n, id }) => [n, id])),
    statements: new Set(rows.map(({ statement }) => statement)).size,
  }
}

/** Runs `work` while the rows are refused whose `n` is in the list. */
async function whileRefusing(numbers: readonly number[], work: () => Promise<void>): Promise<void> {
  await database.pool.query(
    `alter table kongtask.jobs add constraint refuse check ((payload ->> 'n')::int4 <> all ('{${numbers.join()}}'))`,
  )
  try {
    await work()
  } finally {
    await database.pool.query('alter table kongtask.jobs drop constraint refuse')
  }
}

describe('a thousand concurrent calls', () => {
  it('make a few statements, and each has the id of its own job', async () => {
    const added = await Promise.all(Array.from({ length: 1_000 }, (_, n) => kong.addJob(task, { n })))
    const { ids, statements } = await written()
    expect(added.map(({ id }) => id)).toEqual(Array.from({ length: 1_000 }, (_, n) => ids.get(n)))
    expect(new Set(added.map(({ id }) => id)).size).toBe(1_000)
    expect(new Set(added.map(({ status }) => status))).toEqual(new Set(['added']))
    expect(statements).toBeLessThanOrEqual(5)
  })

  it('of which some are refused lose those, and those know who called', async () => {
    await whileRefusing([137, 138, 999], async () => {
      async function callWith(n: number): Promise<AddedJob> {
        return await kong.addJob(task, { n })
      }
      const results = await Promise.allSettled(Array.from({ length: 1_000 }, (_, n) => callWith(n)))
      const refused = results.flatMap((result, n) => (result.status === 'rejected' ? [n] : []))
      expect(refused).toEqual([137, 138, 999])
      for (const result of results) {
        if (result.status === 'fulfilled') continue
        expect(result.reason).toMatchObject({ code: '23514', constraint: 'refuse' })
        expect(result.reason).toHaveProperty('stack', expect.stringContaining('callWith'))
      }
      const { ids } = await written()
      expect(ids.size).toBe(997)
    })
  })

  it('with the same unique key come to one job', async () => {
    const added = await Promise.all(
      Array.from({ length: 50 }, (_, n) => kong.addJob(task, { n }, { uniqueKey: 'one' })),
    )
    expect(added.filter(({ status }) => status === 'added')).toHaveLength(1)
    expect(new Set(added.map(({ id }) => id)).size).toBe(1)
  })

  it('all fail with errors of their own where the tables are missing', async () => {
    const other = new KongTask({ pool: database.pool, schema: 'nowhere' })
    const results = await Promise.allSettled(Array.from({ length: 100 }, () => other.addJob(task)))
    const errors = results.map((result) => (result.status === 'rejected' ? result.reason : undefined))
    expect(new Set(errors).size).toBe(100)
    for (const error of errors) expect(error).toMatchObject({ code: 'KT_NOT_MIGRATED' })
  })
})

describe('a statement that somebody’s transaction blocks', () => {
  it('does not block the other calls', async () => {
    await kong.addJob(task, { n: 0 })
    const blocker = await database.pool.connect()
    try {
      // A name that is new and not committed: whoever needs the same name has to wait.
      await blocker.query('begin')
      await kong
        .with(blocker)
        .addJob('never seen before', { n: 1 })
        .catch(() => undefined)
      await blocker.query('rollback')
      await blocker.query('begin')
      await kong.with(blocker).addJob('new', { n: 1 })
      let isBlocked = true
      const blocked = kong.addJob('new', { n: 2 }).finally(() => (isBlocked = false))
      const others = await Promise.all(
        Array.from({ length: 200 }, (_, n) => kong.addJob(task, { n: n + 10 })),
      )
      expect(others).toHaveLength(200)
      expect(isBlocked).toBe(true)
      await blocker.query('commit')
      expect(await blocked).toMatchObject({ status: 'added' })
    } finally {
      blocker.release()
    }
  })
})

describe('a lost connection', () => {
  it('fails the calls of the statement that was under way, once, and no later ones', async () => {
    const pool = new Pool({ connectionString: database.connectionString, max: 2 })
    pool.on('error', () => undefined)
    const own = new KongTask({ pool })
    await own.addJob(task, { n: 0 })
    const blocker = await database.pool.connect()
    try {
      await blocker.query('begin')
      await blocker.query('lock table kongtask.jobs in exclusive mode')
      const calls = Promise.allSettled(Array.from({ length: 20 }, (_, n) => own.addJob(task, { n: n + 1 })))
      await expectWaiting(blocker)
      await blocker.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and wait_event_type = 'Lock'`,
      )
      await blocker.query('commit')
      const outcomes = (await calls).map(({ status }) => status)
      expect(outcomes[0]).toBe('rejected')
      const { ids } = await written()
      // Whoever was told that his job was added finds it there, once.
      expect([...ids.keys()].toSorted((a, b) => a - b)).toEqual([
        0,
        ...outcomes.flatMap((status, n) => (status === 'fulfilled' ? [n + 1] : [])),
      ])
      await own.addJob(task, { n: 100 })
    } finally {
      blocker.release()
      await own.close()
      await pool.end()
    }
  })
})

/** Until somebody waits for a lock. */
async function expectWaiting(client: { query(text: string): Promise<{ rows: unknown[] }> }): Promise<void> {
  for (;;) {
    const { rows } = await client.query(
      `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    )
    if (rows.length > 0) return
  }
}

describe('closing', () => {
  const callAndClose = async (client: KongTask): Promise<readonly AddedJob[]> => {
    const calls = Promise.all(Array.from({ length: 500 }, (_, n) => client.addJob(task, { n })))
    const closed = client.close()
    await expect(client.addJob(task)).rejects.toMatchObject({ code: 'KT_CLOSED' })
    await expect(client.jobs.get('1')).rejects.toMatchObject({ code: 'KT_CLOSED' })
    let hasEnded = false
    void calls.then(() => (hasEnded = true))
    await closed
    // Whoever waits for the calls is told in the same turn of the event loop.
    await new Promise((resolve) => setImmediate(resolve))
    expect(hasEnded).toBe(true)
    return calls
  }

  it('waits for the calls of a pool of its own, those in a waiting batch included', async () => {
    const added = await callAndClose(new KongTask({ connectionString: database.connectionString }))
    expect(new Set(added.map(({ id }) => id)).size).toBe(500)
  })

  it('waits for them on a pool of yours, and leaves that open', async () => {
    await callAndClose(new KongTask({ pool: database.pool }))
    expect((await written()).ids.size).toBe(500)
  })

  it('waits for a stream to end', async () => {
    const client = new KongTask({ connectionString: database.connectionString })
    let finish: () => void = () => undefined
    const gate = new Promise<void>((resolve) => (finish = resolve))
    const added = client.addJobs(
      (async function* () {
        const { newJob } = await import('kongtask')
        yield newJob(task, { n: 1 })
        await gate
        yield newJob(task, { n: 2 })
      })(),
    )
    const closed = client.close()
    finish()
    await closed
    expect(await added).toEqual({ added: 2, skipped: 0, replaced: 0 })
  })

  it('waits for a call on a pool that has no connection free', async () => {
    const pool = new Pool({ connectionString: database.connectionString, max: 1 })
    const client = new KongTask({ pool })
    const taken = await pool.connect()
    const call = client.addJob(task, { n: 1 })
    const closed = client.close()
    taken.release()
    await closed
    expect(await call).toMatchObject({ status: 'added' })
    await pool.end()
  })
})

it('the deadline of a call holds while all connections are taken', async () => {
  const pool = new Pool({ connectionString: database.connectionString, max: 1 })
  const client = new KongTask({ pool, deadline: 100 })
  const taken = await pool.connect()
  const results = await Promise.allSettled([client.addJob(task, { n: 1 }), client.addJob(task, { n: 2 })])
  for (const result of results) {
    const { reason } = result.status === 'rejected' ? result : { reason: undefined }
    expect(reason).toBeInstanceOf(KongTaskError)
    expect(reason).toHaveProperty('code', 'KT_DEADLINE')
  }
  taken.release()
  await client.close()
  await pool.end()
  expect((await written()).ids.size).toBe(0)
})
