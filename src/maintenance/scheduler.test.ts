import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { GRACE } from '../core/catch-up.ts'
import type { Events } from '../core/events.ts'
import { Emitter } from '../runtime/emitter.ts'
import type { DueRow, DueSchedules, FireOrder } from '../store/schedules.ts'
import { Scheduler } from './scheduler.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** The database's clock, far from the one of this process. */
const START = Date.UTC(2030, 0, 1)

class FakeWeather extends Error {}

/** A database with its own clock and schedules, of which each row knows its next tick. */
function fake(
  expressions: Readonly<Record<string, string>>,
  { like = {} }: { readonly like?: Partial<DueRow> } = {},
) {
  const begun = performance.now()
  const now = (): number => START + performance.now() - begun
  const rows = new Map(
    Object.entries(expressions).map(([name, expression]): [string, DueRow] => [
      name,
      {
        name,
        revision: '1',
        expression,
        tz: 'UTC',
        catchUp: 'none',
        within: 1,
        nextTick: new Date(START + 1_000),
        ...like,
      },
    ]),
  )
  const fired: string[] = []
  const looks = vi.fn<() => void>()
  const told: string[] = []
  const events = new Emitter<Events>(() => undefined)
  events.on('schedule.failed', ({ schedule, retryIn }) => told.push(`${schedule} again in ${retryIn}`))
  const store = {
    dueSchedules: (_limit: number, except: readonly string[] = []): Promise<DueSchedules> => {
      looks()
      const all = [...rows.values()]
      const later = all.filter(({ nextTick }) => nextTick.getTime() > now())
      return Promise.resolve({
        due: all.filter(
          ({ name, revision, nextTick }) =>
            nextTick.getTime() <= now() && !except.includes(`${name} ${revision}`),
        ),
        now: new Date(now()),
        nextIn:
          later.length === 0
            ? undefined
            : Math.min(...later.map(({ nextTick }) => nextTick.getTime() - now())),
      })
    },
    fireSchedule: vi.fn<(order: FireOrder) => Promise<never[]>>(({ name, ticks, following }) => {
      fired.push(...ticks.map(({ at }) => `${name} ${(at.getTime() - START) / 1_000}`))
      const row = rows.get(name)
      if (row !== undefined && following !== undefined) rows.set(name, { ...row, nextTick: following })
      return Promise.resolve([])
    }),
  }
  const scheduler = new Scheduler({
    store,
    events,
    isTransient: (error) => error instanceof FakeWeather,
    onWeather: () => told.push('weather'),
    now: () => performance.now(),
  })
  return { scheduler, store, fired, looks, told, rows }
}

describe('the scheduler', () => {
  it('wakes when a tick comes, whatever the clock of this process says', async () => {
    const { scheduler, fired, looks } = fake({ tick: '*/2 * * * * *' })
    await scheduler.start()
    await vi.advanceTimersByTimeAsync(1_100)
    expect(fired).toEqual(['tick 1'])
    await vi.advanceTimersByTimeAsync(5_000)
    expect(fired).toEqual(['tick 1', 'tick 2', 'tick 4', 'tick 6'])
    expect(looks.mock.calls.length).toBeLessThanOrEqual(5)
    await scheduler.stop()
  })

  it('asks nothing while nothing comes', async () => {
    const { scheduler, looks, rows } = fake({})
    await scheduler.start()
    await vi.advanceTimersByTimeAsync(3_600_000)
    expect(looks).toHaveBeenCalledTimes(1)
    expect(rows.size).toBe(0)
    await scheduler.stop()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('looks earlier where it is told to, and never later', async () => {
    const { scheduler, looks } = fake({})
    await scheduler.start()
    await vi.advanceTimersByTimeAsync(1)
    scheduler.expect(10_000)
    scheduler.expect(500)
    scheduler.expect(20_000)
    await vi.advanceTimersByTimeAsync(501)
    expect(looks).toHaveBeenCalledTimes(2)
    await scheduler.stop()
  })

  it('lets the others go on where one cannot fire, and tries that one again, later each time', async () => {
    const { scheduler, fired, told, rows } = fake({ broken: 'no cron', tick: '* * * * * *' })
    await scheduler.start()
    await vi.advanceTimersByTimeAsync(16_500)
    expect(fired.slice(0, 3)).toEqual(['tick 1', 'tick 2', 'tick 3'])
    expect(fired).toHaveLength(16)
    expect(told).toEqual(['broken again in 5000', 'broken again in 10000', 'broken again in 20000'])
    const broken = rows.get('broken')
    if (broken !== undefined) rows.set('broken', { ...broken, expression: '0 * * * * *' })
    await vi.advanceTimersByTimeAsync(30_000)
    expect(fired.filter((each) => each.startsWith('broken'))).toEqual(['broken 1'])
    await scheduler.stop()
  })

  it('tries one that was changed at once, whatever it was before', async () => {
    const { scheduler, fired, told, rows } = fake({ broken: 'no cron' })
    await scheduler.start()
    await vi.advanceTimersByTimeAsync(16_500)
    const broken = rows.get('broken')
    if (broken === undefined) throw new Error('it has gone')
    rows.set('broken', { ...broken, revision: '2', expression: 'no cron, either' })
    scheduler.expect(0)
    await vi.advanceTimersByTimeAsync(1_000)
    expect(told.slice(3)).toEqual(['broken again in 5000'])
    rows.set('broken', { ...broken, revision: '3', expression: '0 * * * * *' })
    scheduler.expect(0)
    await vi.advanceTimersByTimeAsync(1_000)
    expect(fired).toEqual(['broken 1'])
    await scheduler.stop()
  })

  it('leaves none in peace for longer than its ticks are on time', async () => {
    const { scheduler, told } = fake({ broken: 'no cron' })
    await scheduler.start()
    await vi.advanceTimersByTimeAsync(3_600_000)
    const pauses = told.map((text) => Number(text.replace('broken again in ', '')))
    expect(pauses.length).toBeGreaterThan(10)
    expect(Math.max(...pauses)).toBeLessThan(GRACE)
    await scheduler.stop()
  })

  it('lets the others go on where weather keeps one, and says so once for each look', async () => {
    const { scheduler, fired, told, store } = fake({
      stuck: '* * * * * *',
      jammed: '* * * * * *',
      tick: '* * * * * *',
    })
    const fire = store.fireSchedule.getMockImplementation()
    store.fireSchedule.mockImplementation((order) =>
      order.name === 'tick' && fire !== undefined ? fire(order) : Promise.reject(new FakeWeather()),
    )
    await scheduler.start()
    await vi.advanceTimersByTimeAsync(3_500)
    expect(fired).toEqual(['tick 1', 'tick 2', 'tick 3'])
    expect(told).toEqual(['weather', 'weather', 'weather'])
    await scheduler.stop()
  })

  it.each([
    [
      'one that is far behind',
      ['s'],
      { catchUp: 'all' as const, within: 86_400_000, nextTick: new Date(START - 3_600_000) },
    ],
    [
      'more than it sees in one look',
      Array.from({ length: 50 }, (_, n) => `s${n}`),
      { nextTick: new Date(START) },
    ],
  ])('rests a little while somebody else fires %s', async (_, names, like) => {
    const { scheduler, store, looks } = fake(Object.fromEntries(names.map((name) => [name, '* * * * * *'])), {
      like,
    })
    // A loop that does not rest would never let time go on: so it ends here.
    store.fireSchedule.mockImplementation(() =>
      looks.mock.calls.length > 100 ? new Promise(() => undefined) : Promise.resolve([]),
    )
    await scheduler.start()
    await vi.advanceTimersByTimeAsync(950)
    expect(looks.mock.calls.length).toBeGreaterThanOrEqual(5)
    expect(looks.mock.calls.length).toBeLessThanOrEqual(10)
    await scheduler.stop()
  })

  it('rides out weather', async () => {
    const { scheduler, fired, told, store } = fake({ tick: '* * * * * *' })
    store.fireSchedule.mockRejectedValueOnce(new FakeWeather())
    await scheduler.start()
    await vi.advanceTimersByTimeAsync(2_100)
    expect([told, fired]).toEqual([['weather'], ['tick 1', 'tick 2']])
    await scheduler.stop()
  })

  it('begins nothing once it is stopped, and stopping waits for what is under way', async () => {
    const { scheduler, fired, looks } = fake({ tick: '* * * * * *' })
    await scheduler.start()
    await scheduler.stop()
    await vi.advanceTimersByTimeAsync(5_000)
    expect([fired, vi.getTimerCount()]).toEqual([[], 0])
    expect(looks.mock.calls.length).toBeLessThanOrEqual(1)
  })
})
