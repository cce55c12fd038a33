// Whoever imports may end anywhere: each statement in turn fails, before it was done or after, with the connection that had it.
import { KongTask } from 'kongtask'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { moveFrom, SOURCES } from '../../src/import/import.ts'
import { Renames } from '../../src/import/renames.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { emptyTables } from '../support/empty-tables.ts'
import { faultyClient } from '../support/faulty-client.ts'
import { eventually } from '../support/wait.ts'
import { loadFixture } from './fixture.ts'

/** More than a batch. */
const JOBS = 600

let ours: TestDatabase
let theirs: TestDatabase

beforeAll(async () => {
  ours = await createTestDatabase()
  theirs = await createTestDatabase({ migrated: false })
  for (const { connectionString } of [ours, theirs]) await loadFixture('graphile-worker', connectionString)
})
afterAll(async () => {
  await ours.drop()
  await theirs.drop()
})

/** Nothing here, and there jobs with the numbers 1 to `JOBS`, every tenth in a queue. */
async function begin(there: TestDatabase): Promise<void> {
  await emptyTables((text) => ours.pool.query(text))
  await there.pool.query(`
    truncate graphile_worker._private_jobs;
    insert into graphile_worker._private_jobs (task_id, job_queue_id, payload, key)
    select (select id from graphile_worker._private_tasks where identifier = 'charge'),
           case when n % 10 = 0 then (select min(id) from graphile_worker._private_job_queues) end,
           json_build_object('n', n), case when n % 7 = 0 then 'key ' || n end
      from generate_series(1, ${JOBS}) as n`)
}

async function numbers({ pool }: TestDatabase, table: string): Promise<number[]> {
  const { rows } = await pool.query<{ n: number }>(
    `select (payload ->> 'n')::int4 as n from ${table} order by 1`,
  )
  return rows.map(({ n }) => n)
}

const here = (): Promise<number[]> => numbers(ours, 'kongtask.jobs')
const remaining = (there: TestDatabase): Promise<number[]> => numbers(there, 'graphile_worker._private_jobs')
const ALL = Array.from({ length: JOBS }, (_, index) => index + 1)

interface Trial {
  readonly there: TestDatabase
  readonly isOne: boolean
  /** Of all statements and whether it was done; undefined: none fails. */
  readonly fault?: { readonly at: number; readonly isAfter: boolean } | undefined
  readonly signal?: AbortSignal
  readonly onProgress?: () => void
}

/** Whether it came to its end. */
async function importOnce({ there, isOne, fault, signal, onProgress }: Trial): Promise<boolean> {
  let statements = 0
  const Client = faultyClient(() =>
    ++statements === fault?.at ? { code: 'terminated', isAfter: fault.isAfter } : undefined,
  )
  const poolOf = ({ connectionString }: TestDatabase): pg.Pool => {
    const pool = new pg.Pool({ connectionString, max: 2, Client })
    pool.on('error', () => undefined)
    return pool
  }
  const pool = poolOf(ours)
  const other = isOne ? pool : poolOf(there)
  const names = new Renames(new Map())
  try {
    await moveFrom({
      source: SOURCES['graphile-worker'](),
      schema: 'kongtask',
      rules: { tasks: names, queues: names, cipher: undefined },
      way: { here: pool, there: other, dryRun: false },
      signal,
      onProgress,
    })
    return fault === undefined || statements < fault.at
  } catch {
    return false
  } finally {
    await pool.end()
    if (!isOne) await other.end()
  }
}

describe.each([
  { where: 'in one database', isOne: true },
  { where: 'from another database', isOne: false },
])('an import $where that ends anywhere', ({ isOne }) => {
  const there = (): TestDatabase => (isOne ? ours : theirs)
  /** What a connection had locked that broke is free when the server has seen that. */
  const importAgain = (): Promise<void> =>
    eventually(
      async () => {
        expect(await importOnce({ there: there(), isOne })).toBe(true)
        expect(await remaining(there())).toEqual([])
      },
      { within: 10_000 },
    )

  it.each([false, true])(
    'loses nothing and brings nothing twice (where a statement fails that was done: %s)',
    async (isAfter) => {
      let at = 0
      for (let isWhole = false; !isWhole;) {
        await begin(there())
        isWhole = await importOnce({ there: there(), isOne, fault: { at: ++at, isAfter } })
        const [arrived, left] = [await here(), await remaining(there())]
        // Each is in one place at least; in one database, in one exactly.
        expect(
          [...new Set([...arrived, ...left])].toSorted((a, b) => a - b),
          `statement ${at}`,
        ).toEqual(ALL)
        expect(new Set(arrived).size).toBe(arrived.length)
        expect(arrived.length + left.length).toBeLessThanOrEqual(isOne ? JOBS : 2 * JOBS)
        await importAgain()
        expect(await here(), `again, after statement ${at}`).toEqual(ALL)
      }
      expect(at).toBeGreaterThan(15)
    },
  )

  it('stops between two batches, and goes on where it was', async () => {
    await begin(there())
    const stopping = new AbortController()
    const onProgress = (): void => stopping.abort()
    expect(await importOnce({ there: there(), isOne, signal: stopping.signal, onProgress })).toBe(false)
    expect(await here()).toHaveLength(500)
    expect(await remaining(there())).toHaveLength(JOBS - 500)
    await importAgain()
    expect(await here()).toEqual(ALL)
  })
})

it('two imports at once bring each job once, from one database or another', async () => {
  for (const isOne of [true, false]) {
    const there = isOne ? ours : theirs
    await begin(there)
    await Promise.all([importOnce({ there, isOne }), importOnce({ there, isOne })])
    expect(await here()).toEqual(ALL)
    expect(await remaining(there)).toEqual([])
  }
})

it('does not take for a job that came before one that has got its number anew', async () => {
  await begin(theirs)
  await importOnce({ there: theirs, isOne: false })
  const add = (id: number, at: string): Promise<unknown> =>
    theirs.pool.query(
      `insert into graphile_worker._private_jobs (id, task_id, payload, created_at) overriding system value
       values ($1, 1, '{"n": 0}', $2)`,
      [id, at],
    )
  await add(1, '2026-01-01')
  await importOnce({ there: theirs, isOne: false })
  await add(1, '2026-01-02')
  await importOnce({ there: theirs, isOne: false })
  expect((await here()).filter((n) => n === 0)).toHaveLength(2)
  await add(1, '2026-01-02')
  await importOnce({ there: theirs, isOne: false })
  expect((await here()).filter((n) => n === 0)).toHaveLength(2)
  expect(await remaining(theirs)).toEqual([])
})

it('keeps jobs of one serial key in their order', async () => {
  await begin(ours)
  await importOnce({ there: ours, isOne: true })
  await using kong = new KongTask({ pool: ours.pool })
  const { jobs } = await kong.jobs.list({ task: 'charge' }, { limit: 1 })
  expect(jobs).toHaveLength(1)
  const { rows } = await ours.pool.query<{ n: number }>(
    "select (payload ->> 'n')::int4 as n from kongtask.jobs where serial_key is not null order by id",
  )
  expect(rows.map(({ n }) => n)).toEqual(ALL.filter((n) => n % 10 === 0))
})
