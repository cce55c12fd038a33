import { describe, expect, it } from 'vitest'
import type { Settlement } from '../../src/core/settlement.ts'
import type { JobOrder } from '../../src/store/operate-jobs.ts'
import { pgDatabase } from '../../src/store/pg-database.ts'
import { createStore } from '../../src/store/store.ts'
import { eventually } from '../support/wait.ts'
import { useStore } from './fixture.ts'

// Days once added stay, so each test begins where the one before has left history: later in time.
const db = useStore()

/** History, dead letters and logs have days, the same ones. */
const TABLES = 3
/** So many exist ahead. */
const AHEAD = 35
const DAY = 86_400_000
/** So that no test depends on when it is run: each begins at noon. */
const TO_NOON = DAY / 2 - (Date.now() % DAY)
let today = 0

/** Moves to a day on which nothing was done yet, a week after the last one. */
async function newWeek(): Promise<void> {
  today += 7
  await goTo(0)
  await db.store.extendDays()
  await db.store.dropExpiredDays()
}

const goTo = (day: number): Promise<void> => db.moveClock(`${(today + day) * DAY + TO_NOON} ms`)

/** The days that are part of history, as YYYYMMDD. */
async function days(): Promise<string[]> {
  const rows = await db.query(
    `select right(c.relname, 8) as day from pg_inherits i join pg_class c on c.oid = i.inhrelid
      where i.inhparent = 'kongtask.history'::regclass order by 1`,
  )
  return rows.map(({ day }) => String(day))
}

/** The tables that look like a day, attached or not. */
async function tables(): Promise<string[]> {
  const rows = await db.query(
    `select right(relname, 8) as day from pg_class where relname ~ '^history_[0-9]{8}$' order by 1`,
  )
  return rows.map(({ day }) => String(day))
}

const dayOf = async (offset: number): Promise<string> =>
  String(
    await db.value(
      `select to_char((kongtask.clock() + $1 * interval '1 day') at time zone 'UTC', 'YYYYMMDD')`,
      [offset],
    ),
  )

async function settle(settlement: Settlement, store = db.store): Promise<void> {
  const job = await (await db.worker()).claimOne()
  const jobs = [{ ...job, settlement }]
  await store.settleJobs({ worker: job.lease.worker, queue: job.queueId, closed: [], jobs })
}

/** Completes a job that is kept for so many days; answers its id. */
async function complete(keep: number): Promise<string> {
  const id = await db.addOne({ retain: keep * DAY })
  await settle({ kind: 'completed', result: 1 })
  return id
}

/** Lets a job die whose dead letter is kept for so many days, or for ever; answers its id. */
async function bury(keep?: number): Promise<string> {
  const id = await db.addOne(keep === undefined ? {} : { retain: { dead: keep * DAY } })
  await settle({ kind: 'dead', reason: 'permanent', error: { name: 'Error', message: 'no' } })
  return id
}

const letters = (): Promise<readonly Record<string, unknown>[]> =>
  db.query('select id::text from kongtask.dead_letters d order by d.id')

describe('the days of history', () => {
  it('reach from today to more than a month ahead', async () => {
    await newWeek()
    expect(await days()).toEqual(await Promise.all(Array.from({ length: AHEAD + 1 }, (_, n) => dayOf(n))))
  })

  it('are added as time goes by, and only those that are missing', async () => {
    await newWeek()
    expect(await db.store.extendDays()).toBe(0)
    await goTo(3)
    expect(await db.store.extendDays()).toBe(3 * TABLES)
    expect((await days()).at(-1)).toBe(await dayOf(AHEAD))
  })

  it('are added once by two at once', async () => {
    await newWeek()
    await goTo(2)
    const [one, two] = [await db.session(), await db.session()]
    const added = await Promise.all([one.store.extendDays(), two.store.extendDays()])
    expect(added.toSorted()).toEqual([0, 2 * TABLES])
  })

  it('are added while jobs are being written to others', async () => {
    await newWeek()
    const writing = await db.session()
    await db.addOne()
    const job = await (await db.worker()).claimOne()
    await writing.query('begin')
    await writing.store.settleJobs({
      worker: job.lease.worker,
      queue: job.queueId,
      closed: [],
      jobs: [{ ...job, settlement: { kind: 'completed', result: 1 } }],
    })
    const adding = await db.session()
    await goTo(1)
    expect(await adding.store.extendDays()).toBe(1 * TABLES)
    await writing.query('commit')
    expect(await db.store.readJob(job.id)).toBeUndefined()
  })

  it('hold each job on the day on which it expires', async () => {
    await newWeek()
    const id = await complete(5)
    expect(await db.value('select tableoid::regclass::text from kongtask.history where id = $1', [id])).toBe(
      `kongtask.history_${await dayOf(5)}`,
    )
  })
})

describe('a day that is over', () => {
  it('is dropped with its jobs, and the others stay', async () => {
    await newWeek()
    const [early, late] = [await complete(1), await complete(4)]
    await goTo(3)
    expect(await db.store.dropExpiredDays()).toBe(3 * TABLES)
    expect((await tables())[0]).toBe(await dayOf(0))
    const left = await db.query('select id::text from kongtask.history')
    expect(left).toEqual([{ id: late }])
    expect(left).not.toContainEqual({ id: early })
    expect(await db.store.dropExpiredDays()).toBe(0)
  })

  it('is not dropped while it lasts', async () => {
    await newWeek()
    const id = await complete(0.25)
    await db.store.dropExpiredDays()
    expect(await db.store.readJob(id)).toBeDefined()
  })

  it('stays for an hour for those who are still settling into it', async () => {
    await newWeek()
    await goTo(0.5 + 0.5 / 24)
    expect(await db.store.dropExpiredDays()).toBe(0)
    await goTo(0.5 + 1.5 / 24)
    expect(await db.store.dropExpiredDays()).toBe(1 * TABLES)
  })

  it('is missed by nobody when the clock goes back behind it', async () => {
    await newWeek()
    await goTo(-4)
    const [done, dead] = [await complete(1), await bury(1)]
    expect(await db.store.readJob(done)).toMatchObject({ state: 'completed' })
    expect(await db.store.readJob(dead)).toMatchObject({ state: 'dead' })
    const id = await db.addOne({ retain: DAY })
    await settle({ kind: 'cancelled', reason: 'no' })
    expect(await db.store.readJob(id)).toMatchObject({ state: 'cancelled' })
    await db.store.storeLogs([
      { job: id, attempt: 1, level: 'info', message: 'here', fields: undefined, age: 0, keep: DAY },
    ])
    expect(await db.value('select count(*)::int4 from kongtask.logs')).toBe(1)
    await goTo(0)
    expect((await db.store.pruneOverflow()).pruned).toBeGreaterThan(2)
  })

  it('is not written to again when nobody was there to add days for so long that there is a gap', async () => {
    await newWeek()
    today += 100
    await goTo(0)
    await db.store.extendDays()
    await goTo(-20)
    expect(await db.store.readJob(await complete(1))).toMatchObject({ state: 'completed' })
  })

  it('is dropped behind an open reader of another day', async () => {
    await newWeek()
    const reader = await db.session()
    await reader.query('begin')
    await reader.query(`select * from kongtask.history_${await dayOf(10)}`)
    await goTo(1)
    expect(await db.store.dropExpiredDays()).toBe(1 * TABLES)
    await reader.query('commit')
  })

  it('waits for who reads all of history, and blocks no settling meanwhile', async () => {
    await newWeek()
    const reader = await db.session()
    await reader.query('begin')
    await reader.query('select count(*) from kongtask.history')
    await goTo(1)
    const dropping = db.store.dropExpiredDays()
    await eventually(async () => {
      expect(await db.query(`select from pg_locks where not granted`)).not.toEqual([])
    })
    const id = await complete(3)
    expect(await db.store.readJob(id)).toMatchObject({ state: 'completed' })
    await reader.query('commit')
    expect(await dropping).toBe(TABLES)
    expect((await tables())[0]).toBe(await dayOf(0))
  })
})

describe('dead letters', () => {
  const page = { before: undefined, limit: 10, scan: 100 }
  const order = (id: string): JobOrder => ({ targets: { ids: [id] }, filter: {}, patience: 0 })

  it('lie on the day on which they expire; those that do not, or later than there are days, on none', async () => {
    await newWeek()
    const ids = [await bury(5), await bury(30), await bury(), await bury(AHEAD + 2)]
    const lie = await db.query(
      'select id::text, tableoid::regclass::text as day from kongtask.dead_letters d order by d.id',
    )
    const parts = [await dayOf(5), await dayOf(30), 'lasting', 'lasting']
    expect(lie).toEqual(ids.map((id, n) => ({ id, day: `kongtask.dead_letters_${parts[n]}` })))
  })

  it('are dropped with their day, and the others stay', async () => {
    await newWeek()
    const [, late, lasting] = [await bury(1), await bury(4), await bury()]
    await goTo(3)
    expect(await db.store.dropExpiredDays()).toBe(3 * TABLES)
    expect(await letters()).toEqual([{ id: late }, { id: lasting }])
  })

  it('are seen and come back by nothing as soon as they have expired', async () => {
    await newWeek()
    const [id, other] = [await bury(2), await bury()]
    await goTo(1)
    expect(await db.store.readJob(id)).toMatchObject({ state: 'dead' })
    expect((await db.store.readEnds([id])).get(id)).toMatchObject({ state: 'dead' })
    await goTo(2)
    expect(await letters()).toEqual([{ id }, { id: other }])
    expect(await db.store.readJob(id)).toBeUndefined()
    expect((await db.store.readEnds([id])).get(id)).toEqual({ state: 'gone' })
    expect((await db.store.listJobs({ states: ['dead'] }, page)).jobs.map((job) => job.id)).toEqual([other])
    expect((await db.store.walkJobs({}, page)).ids).toEqual([other])
    expect((await db.store.groupDeadLetters({ states: ['dead'] }, 10)).groups).toMatchObject([{ count: 1 }])
    expect(await db.store.explainJob(id)).toEqual([])
    for (const kind of ['retry', 'delete'] as const)
      expect(await db.store.operateJobs({ kind }, order(id))).toEqual([{ id, status: 'missing' }])
  })

  it('come back from their day with their steps, and die again with the same time to keep', async () => {
    await newWeek()
    const id = await bury(3)
    await db.query(`insert into kongtask.steps (job_id, name, at, queue_id) values ($1, 'a', now(), 1)`, [id])
    await goTo(1)
    expect(await db.store.operateJobs({ kind: 'retry' }, order(id))).toEqual([{ id, status: 'done' }])
    expect(await letters()).toEqual([])
    expect(await db.store.readJob(id)).toMatchObject({ state: 'ready' })
    await settle({ kind: 'dead', reason: 'permanent', error: { name: 'Error', message: 'no' } })
    expect(await db.value('select tableoid::regclass::text from kongtask.dead_letters')).toBe(
      `kongtask.dead_letters_${await dayOf(3)}`,
    )
    expect(await db.query('select name from kongtask.steps')).toEqual([{ name: 'a' }])
  })

  it('take their steps along when they expire', async () => {
    await newWeek()
    const [id, lasting] = [await bury(2), await bury()]
    for (const job of [id, lasting])
      await db.query(`insert into kongtask.steps (job_id, name, at, queue_id) values ($1, 'a', now(), 1)`, [
        job,
      ])
    await goTo(1)
    expect(await db.store.pruneRecords()).toMatchObject({ pruned: 0 })
    await goTo(2)
    expect(await db.store.pruneRecords()).toMatchObject({ pruned: 1 })
    expect(await db.query('select job_id::text as id from kongtask.steps')).toEqual([{ id: lasting }])
  })

  it('are buried while a day of theirs is dropped behind who reads them all', async () => {
    await newWeek()
    const gone = await bury(0.5)
    const reader = await db.session()
    await reader.query('begin')
    await reader.query('select count(*) from kongtask.dead_letters')
    await goTo(2)
    const dropping = db.store.dropExpiredDays()
    await eventually(async () => {
      expect(await db.query(`select from pg_locks where not granted`)).not.toEqual([])
    })
    const writing = await db.session()
    const id = await db.addOne({ retain: { dead: 3 * DAY } })
    await settle(
      { kind: 'dead', reason: 'permanent', error: { name: 'Error', message: 'no' } },
      writing.store,
    )
    expect(await writing.store.readJob(id)).toMatchObject({ state: 'dead' })
    expect(await writing.store.operateJobs({ kind: 'retry' }, order(id))).toEqual([{ id, status: 'done' }])
    await reader.query('commit')
    expect(await dropping).toBe(2 * TABLES)
    expect(await letters()).not.toContainEqual({ id: gone })
  })

  it('are buried while days are added', async () => {
    await newWeek()
    const writing = await db.session()
    await db.addOne({ retain: { dead: DAY } })
    await writing.query('begin')
    await settle(
      { kind: 'dead', reason: 'permanent', error: { name: 'Error', message: 'no' } },
      writing.store,
    )
    await goTo(1)
    const adding = await db.session()
    expect(await adding.store.extendDays()).toBe(1 * TABLES)
    await writing.query('commit')
    expect(await letters()).toHaveLength(1)
  })

  it('for which there were no days are forgotten in batches, each when it has expired', async () => {
    await newWeek()
    const [later, lasting] = [await bury(AHEAD + 100), await bury()]
    const early = await bury(AHEAD + 2)
    await db.query(
      `insert into kongtask.dead_letters
       select (d).* from (
         select jsonb_populate_record(o, jsonb_build_object('id', -n, 'expires_at', kongtask.clock() - interval '1 s')) as d
           from kongtask.dead_letters o, generate_series(1, 6000) n where o.id = $1) x`,
      [early],
    )
    expect(await db.store.pruneOverflow()).toEqual({ pruned: 5_000, more: true })
    expect(await db.store.pruneOverflow()).toEqual({ pruned: 1_000, more: false })
    expect(await letters()).toEqual([later, lasting, early].map((id) => ({ id })))
    today += AHEAD + 3
    await goTo(0)
    expect(await db.store.readJob(early)).toBeUndefined()
    expect(await db.store.pruneOverflow()).toEqual({ pruned: 1, more: false })
    expect(await letters()).toEqual([later, lasting].map((id) => ({ id })))
  })
})

describe('a removal that was interrupted', () => {
  it('while it detached the day is finished by the next one', async () => {
    await newWeek()
    const reader = await db.session()
    await reader.query('begin')
    await reader.query('select count(*) from kongtask.history')
    await goTo(1)
    const interrupted = db.store.dropExpiredDays().catch((error: unknown) => error)
    const detaching = `from pg_stat_activity where query like '%detach partition%' and wait_event_type = 'Lock'
                         and datname = current_database() and pid <> pg_backend_pid()`
    await eventually(async () => expect(await db.query(`select ${detaching}`)).toHaveLength(1))
    await db.query(`select pg_terminate_backend(pid) ${detaching}`)
    expect(await interrupted).toMatchObject({ code: '57P01' })
    await reader.query('commit')
    expect(await db.value('select count(*)::int from pg_inherits where inhdetachpending')).toBe(1)
    // That of dead letters, whose name comes first, was dropped before.
    expect(await db.store.dropExpiredDays()).toBe(TABLES - 1)
    expect((await tables())[0]).toBe(await dayOf(0))
    expect(await db.store.dropExpiredDays()).toBe(0)
  })

  it('between detaching and dropping is finished by the next one', async () => {
    await newWeek()
    const day = await dayOf(0)
    await goTo(1)
    await db.query(`alter table kongtask.history detach partition kongtask.history_${day}`)
    expect(await db.store.dropExpiredDays()).toBe(1 * TABLES)
    expect(await tables()).not.toContain(day)
  })

  it('by its deadline, behind a reader that does not end, is finished when that has ended', async () => {
    await newWeek()
    const reader = await db.session()
    await reader.query('begin')
    await reader.query('select count(*) from kongtask.history')
    await goTo(1)
    const hasty = createStore(pgDatabase(db.database.pool, 300), 'kongtask')
    await expect(hasty.dropExpiredDays()).rejects.toMatchObject({ code: 'KT_DEADLINE' })
    await reader.query('commit')
    // The statement that nobody waits for any more may still end by itself, at the same time.
    await eventually(async () => {
      await db.store.dropExpiredDays()
      expect((await tables())[0]).toBe(await dayOf(0))
    })
  })
})

describe('the overflow', () => {
  it('is emptied of what has expired, a batch at a time', async () => {
    await newWeek()
    const [stays] = [await complete(500)]
    await db.query(
      `insert into kongtask.history_overflow
       select (h).* from (
         select jsonb_populate_record(o, jsonb_build_object('id', -n, 'expires_at', kongtask.clock() - interval '1 s')) as h
           from kongtask.history_overflow o, generate_series(1, 6000) n) x`,
    )
    expect(await db.store.pruneOverflow()).toEqual({ pruned: 5_000, more: true })
    expect(await db.store.pruneOverflow()).toEqual({ pruned: 1_000, more: false })
    expect(await db.store.pruneOverflow()).toEqual({ pruned: 0, more: false })
    expect(await db.query('select id::text from kongtask.history_overflow')).toEqual([{ id: stays }])
  })

  it('is emptied by two at once without waiting', async () => {
    await newWeek()
    await complete(100)
    await goTo(200)
    const [one, two] = [await db.session(), await db.session()]
    await one.query('begin')
    expect(await one.store.pruneOverflow()).toEqual({ pruned: 1, more: false })
    expect(await two.store.pruneOverflow()).toEqual({ pruned: 0, more: false })
    await one.query('commit')
    today += 200
  })
})

describe('a chore', () => {
  it('is given to one of many, and again when its time is over', async () => {
    const sessions = await Promise.all(Array.from({ length: 5 }, () => db.session()))
    for (const session of sessions) await session.query('set lock_timeout = 0')
    const turns = await Promise.all(sessions.map(({ store }) => store.takeTurn('prune', 3_600_000)))
    expect(turns.filter(Boolean)).toHaveLength(1)
    expect(await db.store.takeTurn('prune', 3_600_000)).toBe(false)
    await db.query(`update kongtask.chores set due_at = clock_timestamp()`)
    expect(await db.store.takeTurn('prune', 3_600_000)).toBe(true)
  })

  it('has nothing to do with another', async () => {
    expect(await db.store.takeTurn('prune', 3_600_000)).toBe(true)
    expect(await db.store.takeTurn('sweep', 3_600_000)).toBe(true)
  })
})
