// Exactly one job for each tick, with many schedulers at once on one database whose clock the test moves on.
import fc from 'fast-check'
import pg from 'pg'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ticksOf } from '../../src/calendar/schedule-ticks.ts'
import type { Events } from '../../src/core/events.ts'
import { Scheduler } from '../../src/maintenance/scheduler.ts'
import { Emitter } from '../../src/runtime/emitter.ts'
import { pgDatabase } from '../../src/store/pg-database.ts'
import type { FireOrder } from '../../src/store/schedules.ts'
import { createStore, type Store } from '../../src/store/store.ts'
import { first, newJob, useStore } from '../store/fixture.ts'
import { eventually } from '../support/wait.ts'

const fixture = useStore()
const SEED = 20_261_123
const START = Date.UTC(2030, 5, 1)
const schedulers: Scheduler[] = []
const pools: pg.Pool[] = []

beforeEach(async () => {
  await fixture.query('create table if not exists public.virtual_clock (at timestamptz not null)')
  await fixture.query('truncate public.virtual_clock')
  await fixture.query('insert into public.virtual_clock values ($1)', [new Date(START)])
  await fixture.query(`create or replace function kongtask.clock() returns timestamptz
    language sql volatile parallel safe return (select at from public.virtual_clock)`)
})

afterEach(async () => {
  await Promise.all(schedulers.splice(0).map((each) => each.stop()))
  await Promise.all(pools.splice(0).map((pool) => pool.end()))
})

afterAll(() => fixture.moveClock('0 s'))

async function moveTo(at: number): Promise<void> {
  await fixture.query('update public.virtual_clock set at = $1', [new Date(at)])
}

async function create(expression: string, catchUp: 'all' | 'none' = 'none', options = {}): Promise<void> {
  const nextTick = new Date(ticksOf({ expression, tz: 'UTC' })(START) ?? 0)
  const job = newJob({ task: 'tick', ...options })
  await fixture.store.createSchedule(
    's',
    { expression, tz: 'UTC', catchUp, within: 3_600_000, job, nextTick },
    'test',
  )
}

async function order(): Promise<FireOrder> {
  const { due } = await fixture.store.dueSchedules(10)
  const { name, revision, nextTick: from } = first(due)
  return {
    name,
    revision,
    from,
    ticks: [{ at: from, isCaughtUp: false }],
    following: new Date(from.getTime() + 1_000),
  }
}

async function ticksOfJobs(): Promise<number[]> {
  const rows = await fixture.query(
    `select (extras #>> '{schedule,tick}')::timestamptz as tick from kongtask.jobs order by 1`,
  )
  return rows.map(({ tick }) => (tick instanceof Date ? (tick.getTime() - START) / 1_000 : Number.NaN))
}

/** A process's scheduler on connections of its own. */
async function scheduler(of: (store: Store) => Partial<Store> = () => ({})): Promise<Scheduler> {
  const pool = new pg.Pool({ connectionString: fixture.database.connectionString, max: 1 })
  pool.on('error', () => undefined)
  pools.push(pool)
  const store = createStore(pgDatabase(pool, 20_000), 'kongtask')
  const made = new Scheduler({
    store: { ...store, ...of(store) },
    events: new Emitter<Events>(() => undefined),
    isTransient: () => true,
    onWeather: () => undefined,
    now: () => performance.now(),
  })
  schedulers.push(made)
  await made.start()
  return made
}

describe('one tick', () => {
  it('fires once, however many try at the same time', async () => {
    await create('* * * * * *')
    await moveTo(START + 1_000)
    const fire = await order()
    const fired = await Promise.all(Array.from({ length: 8 }, () => fixture.store.fireSchedule(fire)))
    expect(fired.flat()).toHaveLength(1)
    expect(await ticksOfJobs()).toEqual([1])
    expect(await fixture.store.fireSchedule(fire)).toEqual([])
  })

  it('does not fire before its time, by this clock and no other', async () => {
    await create('* * * * * *')
    await moveTo(START + 1_000)
    const fire = await order()
    await moveTo(START + 999)
    expect(await fixture.store.fireSchedule(fire)).toEqual([])
    expect(await ticksOfJobs()).toEqual([])
    await moveTo(START + 1_000)
    expect(await fixture.store.fireSchedule(fire)).toHaveLength(1)
  })

  it('does not fire by what the schedule was before it was changed, paused or deleted', async () => {
    await create('* * * * * *')
    await moveTo(START + 1_000)
    const fire = await order()
    await fixture.store.pauseSchedule('s', undefined)
    expect(await fixture.store.fireSchedule(fire)).toEqual([])
    const [stored] = await fixture.store.readSchedules('s')
    await fixture.store.resumeSchedule(
      stored ?? (await Promise.reject(new Error('gone'))),
      fire.from,
      undefined,
    )
    expect(await fixture.store.fireSchedule(fire)).toEqual([])
    await fixture.store.deleteSchedule('s', undefined)
    expect(await fixture.store.fireSchedule(fire)).toEqual([])
    expect(await ticksOfJobs()).toEqual([])
  })

  it('is left alone where its schedule has failed, until that is changed', async () => {
    await create('* * * * * *')
    await moveTo(START + 1_000)
    const [due] = (await fixture.store.dueSchedules(10)).due
    const failed = [`s ${due?.revision}`, 'other 1']
    expect((await fixture.store.dueSchedules(10, failed)).due).toEqual([])
    const [stored] = await fixture.store.readSchedules('s')
    if (stored === undefined) throw new Error('it has gone')
    await fixture.store.changeSchedule(stored, { within: 1_000 }, undefined)
    expect((await fixture.store.dueSchedules(10, failed)).due).toMatchObject([{ name: 's' }])
  })

  it('does not fire again for a schedule that is made anew under the same name', async () => {
    await create('* * * * * *')
    await moveTo(START + 1_000)
    await fixture.store.fireSchedule(await order())
    await fixture.store.deleteSchedule('s', undefined)
    await moveTo(START)
    await create('* * * * * *')
    await moveTo(START + 1_000)
    expect(await fixture.store.fireSchedule(await order())).toEqual([])
    expect(await ticksOfJobs()).toEqual([1])
  })

  it('and its job are there together or not at all', async () => {
    await fixture.store.publish({ tick: { uniqueFor: 1_000 } }, null)
    await create('* * * * * *', 'none', { onConflict: 'skip' })
    // A conflict rule without a key is refused by the database, and the task has lost its key since.
    await fixture.store.publish({ tick: {} }, null)
    await moveTo(START + 1_000)
    await expect(fixture.store.fireSchedule(await order())).rejects.toThrow(/KT_OPTION_INVALID/)
    expect(await fixture.query('select * from kongtask.schedule_ticks')).toEqual([])
    expect(first((await fixture.store.dueSchedules(1)).due).nextTick.getTime()).toBe(START + 1_000)
  })
})

describe('300 ticks', () => {
  it('are 300 jobs, with schedulers that are late, suspended, killed in the middle and started anew', async () => {
    await create('* * * * * *', 'all')
    const dice = fc.sample(fc.double({ min: 0, max: 1, noNaN: true }), { numRuns: 4_000, seed: SEED })
    const roll = (): number => dice.pop() ?? 0.5
    /** Fails before, or behind what it sent: then nobody knows whether it was done. */
    const dying = (store: Store): Partial<Store> => ({
      fireSchedule: async (fire) => {
        const chance = roll()
        if (chance < 0.1) throw new Error('killed before it fired')
        const fired = await store.fireSchedule(fire)
        if (chance < 0.2) throw new Error('killed when it had fired')
        return fired
      },
    })
    const processes = await Promise.all([
      ...Array.from({ length: 5 }, () => scheduler(dying)),
      scheduler(),
      scheduler(),
    ])
    let now = START
    while (now < START + 300_000) {
      // The clock goes on by a second mostly; now and then it leaps, or goes back.
      const chance = roll()
      const leap = chance < 0.05 ? 20_000 : chance < 0.1 ? -5_000 : chance < 0.3 ? 400 : 1_000
      now = Math.min(now + leap, START + 300_000)
      await moveTo(now)
      for (const each of processes) if (roll() < 0.7) each.expect(roll() * 3)
    }
    await eventually(
      async () => {
        for (const each of processes) each.expect(0)
        expect((await fixture.store.dueSchedules(1)).due).toEqual([])
      },
      { within: 30_000 },
    )
    await Promise.all(schedulers.map((each) => each.stop()))
    expect(await ticksOfJobs(), `seed ${SEED}`).toEqual(Array.from({ length: 300 }, (_, index) => index + 1))
  })
})

describe('what is old', () => {
  it('is forgotten: ticks after a week, changes after a year', async () => {
    await create('* * * * * *')
    await moveTo(START + 1_000)
    await fixture.store.fireSchedule(await order())
    await moveTo(START + 8 * 86_400_000)
    await fixture.store.pauseSchedule('s', undefined)
    expect(await fixture.store.pruneSchedules()).toBe(false)
    expect(await fixture.store.listScheduleTicks('s', 10)).toEqual([])
    expect(await fixture.store.listScheduleChanges({ limit: 10 })).toHaveLength(2)
    await moveTo(START + 368 * 86_400_000)
    await fixture.store.pruneSchedules()
    expect((await fixture.store.listScheduleChanges({ limit: 10 })).map(({ verb }) => verb)).toEqual([
      'paused',
    ])
  })
})
