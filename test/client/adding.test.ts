import { defineTask, KongTask, newJob, type JobOptions } from 'kongtask'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
let kong: KongTask
beforeAll(async () => {
  database = await createTestDatabase()
  kong = new KongTask({ pool: database.pool })
})
afterAll(() => database.drop())
beforeEach(() => database.pool.query('truncate kongtask.jobs'))

const count = async (): Promise<number> => {
  const { rows } = await database.pool.query<{ count: number }>(
    'select count(*)::int as count from kongtask.jobs',
  )
  return rows[0]?.count ?? -1
}
const task = defineTask('a', { queue: 'q' })

describe('on a transaction of the caller', () => {
  it('jobs exist if and only if it commits', async () => {
    const client = await database.pool.connect()
    try {
      await client.query('begin')
      const { id } = await kong.with(client).addJob(task, { n: 1 })
      expect(id).toMatch(/^\d+$/)
      await kong.with(client).addJobs([{ task }, { task: 'b' }])
      expect(await count()).toBe(0)
      await client.query('rollback')
      expect(await count()).toBe(0)
      await client.query('begin')
      await kong.with(client).addJobs([{ task }, { task: 'b' }])
      await client.query('commit')
      expect(await count()).toBe(2)
    } finally {
      client.release()
    }
  })

  it('a begin that was not awaited counts', async () => {
    const client = await database.pool.connect()
    try {
      const begun = client.query('begin')
      const added = kong.with(client).addJob(task)
      await begun
      await added
      await client.query('rollback')
      expect(await count()).toBe(0)
    } finally {
      client.release()
    }
  })
})

const many = (last: unknown): unknown[] => [
  ...Array.from({ length: 5_000 }, (_, n) => newJob(task, { n })),
  { task: 'last', payload: last },
]

describe('a bulk of more than one statement', () => {
  it('is added as a whole, with the answers in the order of the jobs', async () => {
    const added = await kong.addJobs(Array.from({ length: 5_001 }, (_, n) => newJob(task, { n })))
    const { rows } = await database.pool.query<{ id: string; payload: { n: number } }>(
      'select id::text, payload from kongtask.jobs order by (payload->>$1)::int',
      ['n'],
    )
    expect(added.map(({ id }) => id)).toEqual(rows.map(({ id }) => id))
    expect(new Set(added.map(({ status }) => status))).toEqual(new Set(['added']))
  })

  it('is not added at all when a later statement fails', async () => {
    await database.pool.query(
      `alter table kongtask.jobs add constraint refuse_last check (payload is distinct from '"refused"')`,
    )
    await expect(Reflect.apply(kong.addJobs, undefined, [many('refused')])).rejects.toThrow('refuse_last')
    expect(await count()).toBe(0)
    await Reflect.apply(kong.addJobs, undefined, [many('welcome')])
    expect(await count()).toBe(5_001)
    await database.pool.query('alter table kongtask.jobs drop constraint refuse_last')
  })
})

describe('before anything was migrated', () => {
  it('adding says what to do, and works once it was done', async () => {
    const other = new KongTask({ pool: database.pool, schema: 'elsewhere' })
    const nothingThere = { name: 'KongTaskError', code: 'KT_NOT_MIGRATED' }
    await expect(other.addJob(task)).rejects.toMatchObject(nothingThere)
    await other.migrate()
    await expect(other.addJob(task)).resolves.toMatchObject({ status: 'added' })
  })
})

const nested = (levels: number): unknown => JSON.parse('['.repeat(levels) + ']'.repeat(levels))

describe('what the checks let through, the database takes', () => {
  const atTheLimits: readonly (readonly [name: string, payload: unknown, options: JobOptions])[] = [
    ['a hundred years', {}, { scheduledIn: '36525d', timeout: '36525d', retain: '36525d' }],
    ['the first instant', {}, { scheduledAt: '0001-01-01T00:00:00Z' }],
    ['the last instant', {}, { scheduledAt: '9999-12-31T23:59:59Z' }],
    ['no time at all', {}, { scheduledIn: 0, retain: 0 }],
    ['a millisecond', {}, { scheduledIn: 1, timeout: 1, retain: 1 }],
    ['the largest numbers', {}, { maxAttempts: 32_767, priority: 15 }],
    [
      'the longest names',
      {},
      { queue: 'x'.repeat(128), tags: Array.from({ length: 32 }, () => '💌'.repeat(100)) },
    ],
    ['the largest metadata', {}, { metadata: { a: 'x'.repeat(16 * 1024 - 8) } }],
    ['a payload of 1 MiB', 'x'.repeat(1024 * 1024 - 2), {}],
    ['a payload of a thousand levels', nested(1_000), {}],
    ['numbers of every size', [1e308, 5e-324, -0, 2 ** 53], {}],
    ['odd characters', { '\u0001"\\ \u2028💌': '\u0001"\\ \u2028💌' }, {}],
    ['text that looks like an escape', String.raw`\u0000 \ud800`, {}],
    ['null', null, {}],
  ]

  it.each(atTheLimits)('%s', async (_, payload, options) => {
    await Reflect.apply(kong.addJob, undefined, ['limits', payload, options])
    const { rows } = await database.pool.query<{ payload: string }>('select payload::text from kongtask.jobs')
    expect(JSON.parse(rows[0]?.payload ?? '')).toEqual(JSON.parse(JSON.stringify(payload)))
  })
})

it('an error of the database carries the stack of the caller', async () => {
  const other = new KongTask({ pool: database.pool, schema: 'nowhere' })
  async function theCaller(): Promise<unknown> {
    return await other.addJob(task)
  }
  const error = await theCaller().catch((caught: unknown) => caught)
  expect(error).toHaveProperty('stack', expect.stringContaining('theCaller'))
})

it('a client of its own pool leaves no connection behind', async () => {
  await using own = new KongTask({ connectionString: database.connectionString })
  await expect(own.addJob(task, { n: 1 }, { scheduledIn: '1h', tags: ['x'] })).resolves.toMatchObject({
    status: 'added',
  })
})
