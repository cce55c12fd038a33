import { defineTask, KongTask, newJob } from 'kongtask'
import { Pool } from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createProducer } from '../../src/client/producer.ts'
import { pgDatabase } from '../../src/store/pg-database.ts'
import { createStore, type Store } from '../../src/store/store.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
let kong: KongTask
beforeAll(async () => {
  database = await createTestDatabase()
  kong = new KongTask({ pool: database.pool })
})
afterAll(() => database.drop())
beforeEach(() => database.pool.query('truncate kongtask.jobs'))

const task = defineTask('a', { queue: 'q' })
const jobs = (count: number): ReturnType<typeof newJob>[] =>
  Array.from({ length: count }, (_, n) => newJob(task, { n }))

async function idsInOrder(): Promise<string[]> {
  const { rows } = await database.pool.query<{ id: string }>(
    `select id::text from kongtask.jobs order by (payload ->> 'n')::int4`,
  )
  return rows.map(({ id }) => id)
}

describe('100,000 jobs in one call', () => {
  it('are all there, with the ids of the answer in the order of the jobs', async () => {
    const added = await kong.addJobs(jobs(100_000))
    const ids = added.map(({ id }) => id)
    expect(ids).toEqual(await idsInOrder())
    expect(ids.map(BigInt).every((id, n, all) => n === 0 || id > (all[n - 1] ?? id))).toBe(true)
  })

  it('are none where the last is bad, or is refused by the database', async () => {
    const bad = [...jobs(100_000), newJob('two words')]
    await expect(kong.addJobs(bad)).rejects.toMatchObject({ code: 'KT_NAME_INVALID' })
    await database.pool.query(
      `alter table kongtask.jobs add constraint refuse_last check ((payload ->> 'n')::int4 < 99999)`,
    )
    await expect(kong.addJobs(jobs(100_000))).rejects.toMatchObject({ constraint: 'refuse_last' })
    await database.pool.query('alter table kongtask.jobs drop constraint refuse_last')
    expect(await idsInOrder()).toEqual([])
  })
})

describe('a bulk that the database undid because of another transaction', () => {
  /** A producer whose statements go wrong as the list says, behind what they have really written. */
  function failing(codes: (string | undefined)[]): { addJobs: KongTask['addJobs']; written: () => number } {
    const store = createStore(pgDatabase(database.pool, 10_000), 'kongtask')
    let written = 0
    const insertJobs: Store['insertJobs'] = async (chunk, on) => {
      const added = await store.insertJobs(chunk, on)
      written += chunk.length
      const code = codes.shift()
      if (code !== undefined) throw Object.assign(new Error(`conflict ${code}`), { code })
      return added
    }
    const { own } = createProducer({
      store: { ...store, insertJobs },
      pool: database.pool,
      deadline: 10_000,
      maxPayload: 1_000,
    })
    return { addJobs: own.addJobs, written: () => written }
  }

  it.each(['40P01', '40001'])('with %s is tried again as a whole', async (code) => {
    const { addJobs, written } = failing([undefined, code, code])
    const added = await addJobs(jobs(6_000))
    expect(added.map(({ id }) => id)).toEqual(await idsInOrder())
    expect(added).toHaveLength(6_000)
    // Both chunks, then the first, then both.
    expect(written()).toBe(6_000 + 5_000 + 6_000)
  })

  it('is given up after four tries', async () => {
    const { addJobs, written } = failing(['40P01', '40P01', '40P01', '40P01'])
    await expect(addJobs(jobs(6_000))).rejects.toMatchObject({
      code: 'KT_DATABASE_CONFLICT',
      cause: { code: '40P01' },
    })
    expect(written()).toBe(20_000)
    expect(await idsInOrder()).toEqual([])
  })

  it('is not tried again for anything else', async () => {
    const { addJobs, written } = failing([undefined, '57014'])
    await expect(addJobs(jobs(6_000))).rejects.toMatchObject({
      code: 'KT_STATEMENT_CANCELLED',
      cause: { code: '57014' },
    })
    expect(written()).toBe(6_000)
    expect(await idsInOrder()).toEqual([])
  })

  it('is not tried again where it is a stream, which cannot be read twice', async () => {
    const { addJobs, written } = failing(['40P01'])
    await expect(
      addJobs(
        (async function* () {
          yield* jobs(10)
        })(),
      ),
    ).rejects.toMatchObject({ code: 'KT_DATABASE_CONFLICT', cause: { code: '40P01' } })
    expect(written()).toBe(10)
  })
})

it('a bulk of several statements needs one connection, and each statement has the deadline', async () => {
  const pool = new Pool({ connectionString: database.connectionString, max: 1 })
  const one = new KongTask({ pool })
  const added = await Promise.all([one.addJobs(jobs(12_000)), one.addJobs(jobs(12_000))])
  expect(added.map(({ length }) => length)).toEqual([12_000, 12_000])
  await one.close()
  await pool.end()
})
