import { describe, expect, it } from 'vitest'
import { park } from '../../src/maintenance/parker.ts'
import { useStore } from '../store/fixture.ts'
import { eventually } from '../support/wait.ts'

const db = useStore()
const never = new AbortController().signal

/** How many jobs of each task are in which lane. */
async function lanes(): Promise<Record<string, number>> {
  const rows = await db.query(
    `select t.name || ' ' || j.lane as lane, count(*)::int as count
       from kongtask.jobs j join kongtask.tasks t on t.id = j.task_id group by 1`,
  )
  return Object.fromEntries(rows.map(({ lane, count }) => [String(lane), Number(count)]))
}

const many = (count: number, task: string): { task: string }[] =>
  Array.from({ length: count }, () => ({ task }))

describe('jobs of a paused task', () => {
  it('are taken out of the way, and come back in their order when it is resumed', async () => {
    const ids = await db.add(...many(20, 'sleepy'), { task: 'sleepy', priority: 0 }, ...many(3, 'awake'))
    await db.store.pauseTask('sleepy')
    expect(await park(db.store, never)).toEqual({ parked: 21, back: 0 })
    expect(await lanes()).toEqual({ 'sleepy 33': 20, 'sleepy 32': 1, 'awake 1': 3 })
    // They are as ready as before, for people.
    expect(await db.store.listQueues(100)).toMatchObject([{ ready: 24 }])
    expect(await db.store.readJob(ids[0] ?? '')).toMatchObject({ state: 'ready', priority: 1 })
    await db.store.resumeTask('sleepy')
    expect(await park(db.store, never)).toEqual({ parked: 0, back: 21 })
    const worker = await db.worker()
    expect((await worker.claim(30)).map(({ id }) => id)).toEqual([
      ids[20],
      ...ids.slice(0, 20),
      ...ids.slice(21),
    ])
  })

  it('are found among others, wherever these stand', async () => {
    await db.add(...[1, 2, 3].flatMap(() => [...many(2, 'awake'), ...many(2, 'sleepy')]))
    await db.store.pauseTask('sleepy')
    await park(db.store, never)
    expect(await lanes()).toEqual({ 'awake 1': 6, 'sleepy 33': 6 })
  })

  it('stay where they are while they run, and with a serial key', async () => {
    await db.add({ task: 'sleepy' }, { task: 'sleepy', serialKey: 'k' }, { task: 'sleepy', serialKey: 'k' })
    const worker = await db.worker()
    await worker.claim(1)
    await db.store.pauseTask('sleepy')
    expect(await park(db.store, never)).toEqual({ parked: 0, back: 0 })
  })

  it('come back although the task was resumed while a batch was being parked', async () => {
    await db.add({ task: 'sleepy' })
    await db.store.pauseTask('sleepy')
    await park(db.store, never)
    // Not the first batch: that one has the task's row to write.
    await db.add(...many(10, 'sleepy'))
    const parking = await db.session()
    await parking.query('begin')
    expect(await parking.store.parkJobs()).toMatchObject({ parked: 10 })
    const resumed = db.store.resumeTask('sleepy')
    await eventually(async () =>
      expect(
        await db.query(
          `select from pg_stat_activity where wait_event_type = 'Lock' and query like '%resume_task%'`,
        ),
      ).toHaveLength(1),
    )
    await parking.query('commit')
    await resumed
    expect(await park(db.store, never)).toEqual({ parked: 0, back: 11 })
    // Behind marks, as they may be due for long.
    expect(await lanes()).toEqual({ 'sleepy 129': 11 })
  })

  it('come back later where somebody had them', async () => {
    await db.add(...many(2, 'sleepy'))
    await db.store.pauseTask('sleepy')
    await park(db.store, never)
    const holder = await db.session()
    await holder.query('begin')
    await holder.query('select from kongtask.jobs order by id limit 1 for update')
    await db.store.resumeTask('sleepy')
    expect(await park(db.store, never)).toEqual({ parked: 0, back: 1 })
    await holder.query('rollback')
    expect(await park(db.store, never)).toEqual({ parked: 0, back: 1 })
    // Then nobody looks for them any more.
    await park(db.store, never)
    expect(await db.query('select has_parked from kongtask.tasks')).toEqual([{ has_parked: false }])
  })
})
