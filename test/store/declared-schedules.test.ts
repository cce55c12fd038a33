// What applications declare, and which of their processes' words holds, by the database's rows alone.
import { describe, expect, it } from 'vitest'
import type { Declared } from '../../src/store/schedules.ts'
import { newJob, useStore, type FixtureJob } from './fixture.ts'

const fixture = useStore()
const DAY = 86_400_000

const definition = (job: FixtureJob = {}) => ({
  expression: '@daily',
  tz: 'UTC',
  catchUp: 'none' as const,
  within: DAY,
  job: newJob(job),
  nextTick: new Date(Date.now() + DAY),
})

function declare(
  application: string,
  generation: string,
  names: readonly string[],
  job?: FixtureJob,
): Promise<Declared[]> {
  const schedules = names.map((name) => ({
    name,
    source: 'code' as const,
    declared: generation,
    ...definition(job),
  }))
  return fixture.store.declareSchedules(application, generation, schedules, 'test')
}

const started = (application: string, generation: string) =>
  fixture.store.registerWorker(60_000, { application, generation })

async function stored(): Promise<string[]> {
  return (await fixture.store.readSchedules()).map(({ info }) => info.name)
}

async function verbs(name: string): Promise<string[]> {
  return (await fixture.store.listScheduleChanges({ name, limit: 100 })).map(({ verb }) => verb)
}

describe('what is declared again', () => {
  it('as it is changes nothing', async () => {
    expect(await declare('app', 'a', ['morning'])).toEqual([{ name: 'morning', done: 'created' }])
    await fixture.store.pauseSchedule('morning', undefined)
    expect(await declare('app', 'a', ['morning'])).toEqual([])
    expect(await verbs('morning')).toEqual(['paused', 'created'])
  })

  it('brings back what somebody deleted while no process was there, and that alone', async () => {
    await declare('app', 'a', ['evening', 'morning'])
    await fixture.store.pauseSchedule('evening', undefined)
    expect(await fixture.store.deleteSchedule('morning', undefined)).toBe('deleted')
    expect(await declare('app', 'a', ['evening', 'morning'])).toEqual([{ name: 'morning', done: 'created' }])
    expect(await verbs('evening')).toEqual(['paused', 'created'])
  })

  it('takes a name that was somebody else’s once it is free, and says until then that it is not', async () => {
    await fixture.store.createSchedule('morning', definition(), undefined)
    const kept = [{ name: 'morning', done: 'kept' }]
    expect(await declare('app', 'a', ['morning'])).toEqual(kept)
    expect(await declare('app', 'a', ['morning'])).toEqual(kept)
    await fixture.store.deleteSchedule('morning', undefined)
    expect(await declare('app', 'a', ['morning'])).toEqual([{ name: 'morning', done: 'created' }])
  })

  it('by an application that was renamed is there once the old one’s is deleted', async () => {
    await declare('default', 'a', ['morning'])
    expect(await declare('billing', 'a', ['morning'])).toEqual([{ name: 'morning', done: 'kept' }])
    await fixture.store.deleteSchedule('morning', undefined)
    expect(await declare('billing', 'a', ['morning'])).toEqual([{ name: 'morning', done: 'created' }])
  })
})

describe('newer code', () => {
  /** Old code declares `old`, newer code `new`, which somebody pauses. */
  async function deploy() {
    await started('app', 'old')
    await declare('app', 'old', ['old'])
    const newer = await started('app', 'new')
    await declare('app', 'new', ['new'])
    await fixture.store.pauseSchedule('new', undefined)
    return newer
  }

  const unsettled = async () => (await fixture.store.findChores()).unsettled

  it('that falls silent holds: its schedules and what people did to them wait for it', async () => {
    const { worker } = await deploy()
    await fixture.query(`update kongtask.workers set expires_at = '-infinity' where id = $1`, [worker])
    expect(await unsettled()).toBeUndefined()
    expect(await declare('app', 'old', ['old'])).toEqual([{ name: undefined, done: 'superseded' }])
    expect(await fixture.store.rescueWorkers()).toMatchObject({ workers: 1 })
    expect(await unsettled()).toBeUndefined()
    expect(await declare('app', 'old', ['old'])).toEqual([{ name: undefined, done: 'superseded' }])
    await started('app', 'new')
    expect(await declare('app', 'new', ['new'])).toEqual([])
    expect(await verbs('new')).toEqual(['paused', 'created'])
  })

  it('that has been silent for some minutes is gone', async () => {
    const { worker } = await deploy()
    await fixture.query(`update kongtask.workers set expires_at = '-infinity' where id = $1`, [worker])
    await fixture.store.rescueWorkers()
    await fixture.query(
      `update kongtask.schedule_generations set silent_at = silent_at - interval '6 minutes'`,
    )
    expect(await unsettled()).toEqual(['app'])
    await declare('app', 'old', ['old'])
    expect(await stored()).toEqual(['old'])
  })

  it('that was stopped is gone at once', async () => {
    await fixture.store.unregisterWorker(await deploy())
    expect(await unsettled()).toEqual(['app'])
    await declare('app', 'old', ['old'])
    expect(await stored()).toEqual(['old'])
  })

  it('that somebody declares dead holds for a while, too', async () => {
    await fixture.store.unlockWorker((await deploy()).worker)
    expect(await unsettled()).toBeUndefined()
    expect(await stored()).toEqual(['new'])
  })
})

describe('options that adding would refuse', () => {
  const refused = /^KT_OPTION_INVALID: The schedule "night": `onConflict` says what to do about a key/

  it('are refused when a schedule is declared, and nothing is written', async () => {
    await expect(declare('app', 'a', ['morning', 'night'], { onConflict: 'skip' })).rejects.toThrow(
      'The schedule "morning"',
    )
    expect(await stored()).toEqual([])
    expect(await fixture.query('select from kongtask.schedule_sets')).toEqual([])
  })

  it('are refused when a schedule is made, or changed to these', async () => {
    const { store } = fixture
    await expect(
      store.createSchedule('night', definition({ onConflict: 'skip' }), undefined),
    ).rejects.toThrow(refused)
    await store.createSchedule('night', definition(), undefined)
    const [night] = await store.readSchedules('night')
    if (night === undefined) throw new Error('it was not made')
    await expect(
      store.changeSchedule(night, { job: newJob({ onConflict: 'skip' }) }, undefined),
    ).rejects.toThrow(refused)
    expect(await verbs('night')).toEqual(['created'])
  })

  it('are taken where the task has a key by default', async () => {
    await fixture.store.publish({ work: { uniqueFor: 1_000 } }, null)
    await fixture.store.createSchedule('night', definition({ onConflict: 'skip' }), undefined)
    expect(await stored()).toEqual(['night'])
  })
})
