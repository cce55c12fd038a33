import { describe, expect, it } from 'vitest'
import { pgDatabase } from '../../src/store/pg-database.ts'
import { createStore } from '../../src/store/store.ts'
import { eventually } from '../support/wait.ts'
import { useStore } from './fixture.ts'

// Days once added stay, so each test begins where the one before has left history: later in time.
const db = useStore()

/** History and logs have days, the same ones. */
const TABLES = 2
let today = 0

/** Moves to a day on which nothing was done yet, a month after the last one. */
async function newMonth(): Promise<void> {
  today += 30
  await db.moveClock(`${today} days`)
  await db.store.extendDays()
  await db.store.dropExpiredDays()
}

const goTo = (day: number): Promise<void> => db.moveClock(`${today + day} days`)

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

/** Completes a job that is kept for so many days; answers its id. */
async function complete(keep: number): Promise<string> {
  const id = await db.addOne({ retain: keep * 86_400_000 })
  const job = await (await db.worker()).claimOne()
  await db.store.settleJobs({
    worker: job.lease.worker,
    queue: job.queueId,
    closed: [],
    jobs: [{ ...job, settlement: { kind: 'completed', result: 1 } }],
  })
  return id
}

describe('the days of history', () => {
  it('reach from today to a fortnight ahead', async () => {
    await newMonth()
    expect(await days()).toEqual(await Promise.all(Array.from({ length: 15 }, (_, n) => dayOf(n))))
  })

  it('are added as time goes by, and only those that are missing', async () => {
    await newMonth()
    expect(await db.store.extendDays()).toBe(0)
    await goTo(3)
    expect(await db.store.extendDays()).toBe(3 * TABLES)
    expect((await days()).at(-1)).toBe(await dayOf(14))
  })

  it('are added once by two at once', async () => {
    await newMonth()
    await goTo(2)
    const [one, two] = [await db.session(), await db.session()]
    const added = await Promise.all([one.store.extendDays(), two.store.extendDays()])
    expect(added.toSorted()).toEqual([0, 2 * TABLES])
  })

  it('are added while jobs are being written to others', async () => {
    await newMonth()
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
    await newMonth()
    const id = await complete(5)
    expect(await db.value('select tableoid::regclass::text from kongtask.history where id = $1', [id])).toBe(
      `kongtask.history_${await dayOf(5)}`,
    )
  })
})

describe('a day that is over', () => {
  it('is dropped with its jobs, and the others stay', async () => {
    await newMonth()
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
    await newMonth()
    const id = await complete(0.5)
    await db.store.dropExpiredDays()
    expect(await db.store.readJob(id)).toBeDefined()
  })

  it('is dropped behind an open reader of another day', async () => {
    await newMonth()
    const reader = await db.session()
    await reader.query('begin')
    await reader.query(`select * from kongtask.history_${await dayOf(10)}`)
    await goTo(1)
    expect(await db.store.dropExpiredDays()).toBe(1 * TABLES)
    await reader.query('commit')
  })

  it('waits for who reads all of history, and blocks no settling meanwhile', async () => {
    await newMonth()
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

describe('a removal that was interrupted', () => {
  it('while it detached the day is finished by the next one', async () => {
    await newMonth()
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
    expect(await db.store.dropExpiredDays()).toBe(1 * TABLES)
    expect((await tables())[0]).toBe(await dayOf(0))
    expect(await db.store.dropExpiredDays()).toBe(0)
  })

  it('between detaching and dropping is finished by the next one', async () => {
    await newMonth()
    const day = await dayOf(0)
    await goTo(1)
    await db.query(`alter table kongtask.history detach partition kongtask.history_${day}`)
    expect(await db.store.dropExpiredDays()).toBe(1 * TABLES)
    expect(await tables()).not.toContain(day)
  })

  it('by its deadline, behind a reader that does not end, is finished when that has ended', async () => {
    await newMonth()
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
    await newMonth()
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
    await newMonth()
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
