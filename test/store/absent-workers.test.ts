import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { pgDatabase } from '../../src/store/pg-database.ts'
import { createStore } from '../../src/store/store.ts'
import { readSession } from '../../src/store/workers.ts'
import { eventually } from '../support/wait.ts'
import { FixtureWorker, useStore } from './fixture.ts'

const db = useStore()

/** A connection of a process, and the session that it is. */
async function connect(): Promise<{ session: string; die: () => Promise<void> }> {
  const client = new pg.Client({ connectionString: db.database.directConnectionString })
  await client.connect()
  onTestFinished(() => client.end())
  const asking = {
    query: (text: string, values: readonly unknown[]) => client.query<object>(text, [...values]),
  }
  const found = await readSession(asking, 'kongtask')
  if (found === undefined) throw new Error('there is no session')
  const pid = found.pid
  const die = async (): Promise<void> => {
    await client.end()
    await eventually(async () => {
      expect(await db.query('select from pg_stat_activity where pid = $1', [pid])).toEqual([])
    })
  }
  return { session: found.session, die }
}

async function register(session: string | null): Promise<FixtureWorker> {
  return new FixtureWorker(db, await db.store.registerWorker(60_000, {}, session))
}

async function beat({ registration }: FixtureWorker, session: string | null): Promise<boolean> {
  const { alive } = await db.store.heartbeat({
    ...registration,
    lease: 60_000,
    known: [],
    before: 1,
    heard: [],
    session,
  })
  return alive
}

/** The same session with something else about it. */
const changed = (session: string, part: object): string =>
  JSON.stringify(Object.assign(JSON.parse(session), part))

const absent = async (): Promise<readonly number[]> =>
  (await db.store.findAbsentWorkers()).map(({ worker }) => worker)

describe('a worker is absent', () => {
  it('when its session is gone, and not before', async () => {
    const { session, die } = await connect()
    const worker = await register(session)
    expect(await absent()).toEqual([])
    expect(await db.store.findChores()).toMatchObject({ absent: false })
    await die()
    expect(await absent()).toEqual([worker.number])
    expect(await db.store.findChores()).toMatchObject({ absent: true })
    const { registration } = await db.worker()
    const { others } = await db.store.heartbeat({
      ...registration,
      lease: 60_000,
      known: [],
      before: 1,
      heard: [],
    })
    expect(others).toEqual({ rescue: false, absent: true })
  })

  it('when another session has come by the number of its process', async () => {
    const { session } = await connect()
    const worker = await register(changed(session, { began: '1763000000.000001' }))
    expect(await absent()).toEqual([worker.number])
  })

  it('not while what carried its last heartbeat is there: its process is, too', async () => {
    const { session, die } = await connect()
    const worker = await register(session)
    const pool = new pg.Pool({ connectionString: db.database.directConnectionString, max: 1 })
    onTestFinished(async () => void (pool.ended || (await pool.end())))
    const store = createStore(pgDatabase(pool, 5_000), 'kongtask')
    const { isSeen } = await store.heartbeat({
      ...worker.registration,
      lease: 60_000,
      known: [],
      before: 1,
      heard: [],
      session,
      isDirect: true,
    })
    expect(isSeen).toBe(true)
    await die()
    expect(await absent()).toEqual([])
    await pool.end()
    await eventually(async () => expect(await absent()).toEqual([worker.number]))
  })

  it('though the connection that carried its last heartbeat is there, where a pooler owns that', async () => {
    const { session, die } = await connect()
    const worker = await register(session)
    expect(await beat(worker, session)).toBe(true)
    await die()
    expect(await absent()).toEqual([worker.number])
  })

  it('not where a heartbeat has heard meanwhile that its session is gone', async () => {
    const { session, die } = await connect()
    const worker = await register(session)
    await die()
    const { alive, isSeen } = await db.store.heartbeat({
      ...worker.registration,
      lease: 60_000,
      known: [],
      before: 1,
      heard: [],
      session,
    })
    expect([alive, isSeen]).toEqual([true, false])
    expect(await absent()).toEqual([])
  })

  it('not where it never said by which session it is to be seen', async () => {
    await register(null)
    expect(await absent()).toEqual([])
  })

  it('not for a session with a server that has been started anew since, or with another one', async () => {
    const { session, die } = await connect()
    await register(changed(session, { server: '1763000000.000001 1763000000.000002' }))
    await die()
    expect(await absent()).toEqual([])
  })

  it('not when it has told another session since, or that there is none', async () => {
    const [one, two] = [await connect(), await connect()]
    const worker = await register(one.session)
    await one.die()
    expect(await beat(worker, two.session)).toBe(true)
    expect(await absent()).toEqual([])
    await two.die()
    expect(await absent()).toEqual([worker.number])
    await beat(worker, null)
    expect(await absent()).toEqual([])
  })
})

describe('a worker that is absent', () => {
  it('loses its jobs, each of which counts a crash, and can claim and renew no more', async () => {
    const id = await db.addOne()
    const { session, die } = await connect()
    const worker = await register(session)
    await worker.claimOne()
    await die()
    const seen = await db.store.findAbsentWorkers()
    expect(await db.store.rescueAbsentWorkers(seen)).toEqual({ workers: 1, jobs: 1 })
    expect(await db.store.readJob(id)).toMatchObject({ state: 'ready', attempt: 0 })
    expect(await beat(worker, null)).toBe(false)
    expect(await (await db.worker()).claimOne()).toMatchObject({ id, crashes: 1 })
  })

  it('keeps them where it was heard since', async () => {
    await db.addOne()
    const { session, die } = await connect()
    const worker = await register(session)
    await worker.claimOne()
    await die()
    const seen = await db.store.findAbsentWorkers()
    await db.query(`update kongtask.workers set heartbeat_at = clock_timestamp() where id = $1`, [
      worker.number,
    ])
    expect(await db.store.rescueAbsentWorkers(seen)).toEqual({ workers: 0, jobs: 0 })
    expect(await db.query('select rescued_at from kongtask.workers')).toEqual([{ rescued_at: null }])
  })

  it('keeps them where it is back by now', async () => {
    await db.addOne()
    const { session, die } = await connect()
    const worker = await register(session)
    await worker.claimOne()
    await die()
    const seen = await db.store.findAbsentWorkers()
    const { session: next } = await connect()
    await db.query('update kongtask.workers set session = $1 where id = $2', [next, worker.number])
    expect(await db.store.rescueAbsentWorkers(seen)).toEqual({ workers: 0, jobs: 0 })
  })

  it('is found by one that has just been started, though it was there for a moment only', async () => {
    const { session, die } = await connect()
    await register(session)
    await die()
    const heir = await db.worker()
    const seen = await db.store.findAbsentWorkers()
    expect(await db.store.rescueAbsentWorkers(seen, heir.number)).toEqual({ workers: 1, jobs: 0 })
  })

  it('keeps its jobs from one that was cut off longer than a lease, and has just come back', async () => {
    const { session, die } = await connect()
    const [other] = [await register(null), await register(session)]
    await die()
    const back = async (): Promise<unknown> => {
      await db.query(
        `update kongtask.workers set started_at = started_at - interval '2 min',
                unbroken_since = unbroken_since - interval '2 min', expires_at = expires_at - interval '2 min'
          where id = $1`,
        [other.number],
      )
      const seen = await db.store.findAbsentWorkers()
      expect(seen).toHaveLength(1)
      const unheard = await db.store.rescueAbsentWorkers(seen, other.number)
      await beat(other, null)
      return [unheard, await db.store.rescueAbsentWorkers(seen, other.number)]
    }
    const nobody = { workers: 0, jobs: 0 }
    expect(await back()).toEqual([nobody, nobody])
    await db.query(
      `update kongtask.workers set unbroken_since = unbroken_since - interval '2 min' where id = $1`,
      [other.number],
    )
    const seen = await db.store.findAbsentWorkers()
    expect(await db.store.rescueAbsentWorkers(seen, other.number)).toEqual({ workers: 1, jobs: 0 })
  })

  it('takes nobody else along', async () => {
    const [one, two] = [await connect(), await connect()]
    await register(one.session)
    const other = await register(two.session)
    await one.die()
    await db.store.rescueAbsentWorkers(await db.store.findAbsentWorkers())
    expect(await db.query('select id from kongtask.workers')).toEqual([{ id: other.number }])
  })
})
