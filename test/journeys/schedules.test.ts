// Schedules from end to end: real runners, a real database, its clock moved where time has to pass.
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defineTask, handle, schedule, type Events, type Job, type Runner, type ScheduleSpec } from 'kongtask'
import { afterEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { eventually } from '../support/wait.ts'
import { once, useJourney } from './journey.ts'

const journey = useJourney()

/** KongTask's time, so far from that on the wall. */
async function moveClock(by: string): Promise<void> {
  await journey.query(`create or replace function kongtask.clock() returns timestamptz
    language sql volatile parallel safe return clock_timestamp() + interval '${by}'`)
  await journey.query(`select pg_notify('kongtask:schedule', '')`)
}

afterEach(() => moveClock('0 s'))

const report = defineTask('report', { payload: z.object({ to: z.string() }) })
const none = { other: () => undefined }

/** So that it comes in this many days, and not while a test runs. */
async function inDays(days: number): Promise<string> {
  const [row] = await journey.query(
    `select extract(day from d)::int as day, extract(month from d)::int as month
       from (select kongtask.clock() at time zone 'utc' + $1 * interval '1 day') as at (d)`,
    [days],
  )
  return `0 12 ${String(row?.['day'])} ${String(row?.['month'])} *`
}

/** Jobs that schedules have added and nobody ran. */
async function added(): Promise<{ schedule: unknown; isCaughtUp: unknown; hour: unknown }[]> {
  const rows = await journey.query(
    `select extras -> 'schedule' as of from kongtask.jobs where extras ? 'schedule' order by id`,
  )
  return rows.map(({ of }) => {
    const { name, tick, isCaughtUp } = z
      .object({ name: z.string(), tick: z.string(), isCaughtUp: z.boolean() })
      .parse(of)
    return { schedule: name, isCaughtUp, hour: new Date(tick).getUTCHours() }
  })
}

function declaring(schedules: readonly ScheduleSpec[], application?: string): Promise<Runner> {
  return journey.run(none, { schedules, application, heartbeatInterval: 200, leaseDuration: 1_000 })
}

describe('a schedule', () => {
  it('adds a job for each of its ticks, which knows which one it is', async () => {
    const jobs: Job[] = []
    const runner = await journey.run([handle(report, (_payload, { job }) => void jobs.push(job))], {
      schedules: [schedule('* * * * * *', report, { to: 'ada' }, { priority: 3 })],
    })
    await eventually(() => expect(jobs.length).toBeGreaterThanOrEqual(3))
    await runner.stop()
    const ticks = jobs.map((job) => job.schedule?.tick.getTime() ?? 0)
    expect(ticks).toEqual(ticks.map((_, index) => (ticks[0] ?? 0) + index * 1_000))
    expect(jobs[0]).toMatchObject({
      payload: { to: 'ada' },
      priority: 3,
      schedule: { name: 'report', isCaughtUp: false },
    })
    const [first] = jobs
    expect((await journey.job(first?.id ?? '')).schedule).toEqual(first?.schedule)
    expect(await journey.kong.schedules.ticks('report', { limit: 1_000 })).toContainEqual(
      expect.objectContaining({ tick: first?.schedule?.tick, jobId: first?.id, status: 'added' }),
    )
  })

  it('fires once where many processes declare it', async () => {
    const fired: Events['schedule.fired'][] = []
    const runners = await Promise.all(
      Array.from({ length: 4 }, () => declaring([schedule('* * * * * *', 'work')])),
    )
    for (const runner of runners) runner.on('schedule.fired', (event) => void fired.push(event))
    await eventually(() => expect(fired.length).toBeGreaterThanOrEqual(3))
    await journey.stopRunners()
    const ticks = (await journey.kong.schedules.ticks('work')).length
    const [jobs] = await journey.query('select count(*)::int from kongtask.jobs')
    expect(jobs).toEqual({ count: ticks })
  })

  it('of a task object stands beside its handler', async () => {
    class Cleaner {
      readonly name = 'clean'
      handle(): void {
        throw new Error('it is not yet time')
      }
      schedule() {
        return [
          '@daily',
          { name: 'clean:deep', expression: '@weekly', payload: { deep: true }, tz: 'Asia/Tokyo' },
        ]
      }
    }
    await journey.run([new Cleaner()])
    expect(await journey.kong.schedules.list()).toMatchObject([
      { name: 'clean', task: 'clean', expression: '@daily', tz: 'UTC', source: 'code', payload: {} },
      { name: 'clean:deep', task: 'clean', expression: '@weekly', tz: 'Asia/Tokyo', payload: { deep: true } },
    ])
  })

  it('comes from a crontab, as text or as a file', async () => {
    const file = join(tmpdir(), `kongtask-crontab-${process.pid}`)
    await writeFile(file, '0 6 * * * one ?tz=Europe/Berlin {"a":1}\n')
    await journey.run(none, { crontabFile: file, schedules: [schedule('@daily', 'two')] })
    expect(await journey.kong.schedules.list()).toMatchObject([
      { name: 'one', source: 'crontab', tz: 'Europe/Berlin', payload: { a: 1 } },
      { name: 'two', source: 'code' },
    ])
  })

  it('keeps its payload encrypted, and its job opens it', async () => {
    const encryption = { keys: { k: Buffer.alloc(32, 1) }, current: 'k', hashKey: Buffer.alloc(32, 2) }
    const seen: unknown[] = []
    await journey.run([handle(report, (payload) => void seen.push(payload))], {
      schedules: [schedule('* * * * * *', report, { to: 'secret' })],
      encryption,
    })
    await eventually(() => expect(seen[0]).toEqual({ to: 'secret' }))
    const [stored] = await journey.query('select s::text as text from kongtask.schedules s')
    const changes = JSON.stringify(await journey.kong.schedules.changes())
    expect(`${String(stored?.['text'])}${changes}`).not.toContain('secret')
  })
})

describe('what a runner refuses when it starts', () => {
  it.each([
    [
      'two of one name',
      { schedules: [schedule('@daily', 'a'), schedule('@weekly', 'a')] },
      'KT_SCHEDULE_DUPLICATE',
    ],
    [
      'a payload that does not fit',
      { schedules: [schedule('@daily', report, JSON.parse('{"to":1}'))] },
      'KT_PAYLOAD_INVALID',
    ],
    ['a crontab with flaws', { crontab: '99 * * * * a' }, 'KT_CRONTAB_INVALID'],
    [
      'options that adding would refuse',
      { schedules: [schedule('@daily', 'a', {}, { onConflict: 'skip' })] },
      'KT_OPTION_INVALID',
    ],
    ['a file that is not there', { crontabFile: '/nowhere/crontab' }, 'KT_OPTION_INVALID'],
    ['text and file', { crontab: '', crontabFile: '/nowhere/crontab' }, 'KT_OPTION_INVALID'],
  ])('%s', async (_, options, code) => {
    await expect(journey.run(none, options)).rejects.toMatchObject({ code })
    expect(await journey.kong.schedules.list()).toEqual([])
  })
})

describe('ticks that were missed while nobody was there', () => {
  it.each([
    ['none', []],
    ['latest', [{ schedule: 'hourly', isCaughtUp: true, hour: 5 }]],
    ['all', [3, 4, 5].map((hour) => ({ schedule: 'hourly', isCaughtUp: true, hour }))],
  ] as const)('%s', async (catchUp, expected) => {
    const specs = [schedule('30 * * * *', 'work', {}, { name: 'hourly', catchUp, within: '150m' })]
    await moveClock(await until('01:15'))
    const first = await declaring(specs)
    await first.stop()
    await moveClock(await until('05:50'))
    const second = await declaring(specs)
    await eventually(async () => {
      const [row] = await journey.query(
        'select next_tick > kongtask.clock() as is_over from kongtask.schedules',
      )
      expect(row).toEqual({ is_over: true })
    })
    await second.stop()
    expect(await added()).toEqual(expected)
  })

  /** From the wall's time to that time of tomorrow in UTC. */
  async function until(time: string): Promise<string> {
    const [row] = await journey.query(
      `select ((date_trunc('day', clock_timestamp() at time zone 'utc') + interval '1 day' + $1::time) at time zone 'utc'
               - clock_timestamp())::text as by`,
      [time],
    )
    return String(row?.['by'])
  }
})

describe('a clock that jumps', () => {
  it('back fires no tick again', async () => {
    const runner = await declaring([schedule('* * * * * *', 'work')])
    await once(runner, 'schedule.fired')
    await once(runner, 'schedule.fired')
    await moveClock('-3 s')
    await journey.kong.schedules.change('work', { within: '1h' })
    await journey.kong.schedules.change('work', { expression: '*/1 * * * * *' })
    await once(runner, 'schedule.fired')
    await runner.stop()
    const jobs = await journey.query(
      `select extras #>> '{schedule,tick}' as tick, count(*)::int from kongtask.jobs group by 1 having count(*) > 1`,
    )
    expect(jobs).toEqual([])
  })
})

describe('at run time', () => {
  it('schedules are created, changed, paused, resumed, run, previewed and deleted, and all that is written down', async () => {
    const { kong } = journey
    const made = await kong.schedules.create(
      '0 6 * * *',
      report,
      { to: 'ada' },
      { name: 'morning', tz: 'Europe/Berlin', by: 'ada' },
    )
    expect(made).toMatchObject({
      name: 'morning',
      source: 'user',
      task: 'report',
      catchUp: 'none',
      within: 172_800_000,
    })
    await expect(kong.schedules.create('@daily', 'x', {}, { name: 'morning' })).rejects.toMatchObject({
      code: 'KT_SCHEDULE_EXISTS',
    })
    expect(await kong.schedules.preview('morning', { count: 2, after: '2026-03-28T12:00:00Z' })).toEqual([
      new Date('2026-03-29T04:00:00Z'),
      new Date('2026-03-30T04:00:00Z'),
    ])
    const changed = await kong.schedules.change('morning', {
      expression: '0 7 * * *',
      payload: { to: 'bob' },
      priority: 2,
      by: 'bob',
    })
    expect(changed).toMatchObject({
      expression: '0 7 * * *',
      tz: 'Europe/Berlin',
      payload: { to: 'bob' },
      options: { priority: 2 },
    })
    await kong.schedules.pause('morning', { by: 'ada' })
    await kong.schedules.pause('morning')
    expect(await kong.schedules.get('morning')).toMatchObject({
      pausedAt: expect.any(Date),
      nextTick: undefined,
    })
    const { id } = await kong.schedules.runNow('morning', { by: 'eve' })
    expect(await journey.job(id)).toMatchObject({
      task: 'report',
      payload: { to: 'bob' },
      priority: 2,
      schedule: { name: 'morning' },
    })
    await kong.schedules.resume('morning')
    expect((await kong.schedules.get('morning'))?.nextTick).toEqual(
      (await kong.schedules.preview('morning'))[0],
    )
    await kong.schedules.delete('morning')
    expect(await kong.schedules.get('morning')).toBeUndefined()
    const changes = await kong.schedules.changes('morning')
    expect(changes.map(({ verb }) => verb)).toEqual([
      'deleted',
      'resumed',
      'ran',
      'paused',
      'changed',
      'created',
    ])
    expect(changes.map(({ by }) => by).slice(2)).toEqual(['eve', 'ada', 'bob', 'ada'])
    expect(changes[4]).toMatchObject({
      before: { expression: '0 6 * * *' },
      after: { expression: '0 7 * * *', payload: { to: 'bob' } },
    })
    const page = await kong.schedules.changes('morning', { limit: 2, before: changes[1]?.id })
    expect(page.map(({ verb }) => verb)).toEqual(['ran', 'paused'])
  })

  it.each(['pause', 'resume', 'runNow', 'preview', 'delete', 'change'] as const)(
    '%s says so where there is none',
    async (verb) => {
      const { schedules } = journey.kong
      await expect(schedules[verb]('nobody', {})).rejects.toMatchObject({ code: 'KT_SCHEDULE_NOT_FOUND' })
    },
  )

  it('one is not made of options that adding would refuse', async () => {
    const { schedules } = journey.kong
    await expect(schedules.create('@daily', 'work', {}, { onConflict: 'skip' })).rejects.toMatchObject({
      code: 'KT_OPTION_INVALID',
    })
    expect(await schedules.list()).toEqual([])
    await schedules.create('@daily', 'work', {})
    await expect(schedules.change('work', { onConflict: 'skip' })).rejects.toMatchObject({
      code: 'KT_OPTION_INVALID',
    })
  })

  it('the contract of its task says nothing new; with a payload its version counts', async () => {
    const { schedules } = journey.kong
    const v2 = defineTask('report', { payload: z.object({ to: z.string() }), version: 2 })
    await schedules.create('@daily', v2, { to: 'ada' }, { name: 'bob', priority: 3 })
    const changed = {
      task: 'report',
      payload: { to: 'ada' },
      options: { priority: 3, maxAttempts: 2, version: 2 },
    }
    expect(await schedules.change('bob', { task: v2, maxAttempts: 2 })).toMatchObject(changed)
    expect(await schedules.change('bob', { task: 'report' })).toMatchObject(changed)
    const v3 = defineTask('report', { payload: z.object({ for: z.string() }), version: 3 })
    expect(await schedules.change('bob', { task: v3, payload: { for: 'bob' } })).toMatchObject({
      payload: { for: 'bob' },
      options: { priority: 3, maxAttempts: 2, version: 3 },
    })
    const other = defineTask('other')
    await expect(schedules.change('bob', { task: other })).rejects.toMatchObject({
      code: 'KT_OPTION_INVALID',
    })
  })

  it('one that is made is heard of at once', async () => {
    const runner = await declaring([])
    const fired = once(runner, 'schedule.fired')
    await journey.kong.schedules.create('* * * * * *', 'work', {})
    expect(await fired).toMatchObject({ schedule: 'work', isCaughtUp: false })
  })

  it('one that is paused does not fire, and comes back with its next tick', async () => {
    const runner = await declaring([])
    const fired: string[] = []
    runner.on('schedule.fired', ({ schedule: name }) => void fired.push(name))
    await journey.kong.schedules.create(await inDays(9), 'work', {}, { name: 'still', catchUp: 'all' })
    await journey.kong.schedules.pause('still')
    await journey.kong.schedules.change('still', { expression: '* * * * * *' })
    await journey.kong.schedules.create('* * * * * *', 'work', {}, { name: 'other' })
    await eventually(() => expect(fired.length).toBeGreaterThanOrEqual(2))
    expect(fired).not.toContain('still')
    await journey.kong.schedules.resume('still')
    await eventually(() => expect(fired).toContain('still'))
    expect((await journey.kong.schedules.ticks('still')).every(({ isCaughtUp }) => !isCaughtUp)).toBe(true)
  })
})

describe('a deploy', () => {
  it('creates, changes and deletes what code declares, and leaves what people made', async () => {
    await journey.kong.schedules.create(await inDays(9), 'work', {}, { name: 'ours' })
    const old = await declaring([
      schedule('@daily', 'gone'),
      schedule('@daily', 'kept'),
      schedule('@daily', 'moved'),
    ])
    await journey.kong.schedules.pause('kept')
    await old.stop()
    const next = await declaring([
      schedule('@daily', 'kept'),
      schedule('@weekly', 'moved'),
      schedule('@daily', 'new'),
    ])
    const all = await journey.kong.schedules.list()
    expect(all.map(({ name, expression }) => `${name} ${expression}`).slice(0, 3)).toEqual([
      'kept @daily',
      'moved @weekly',
      'new @daily',
    ])
    expect(all.map(({ name }) => name)).toEqual(['kept', 'moved', 'new', 'ours'])
    expect(all[0]?.pausedAt).toBeInstanceOf(Date)
    await next.stop()
  })

  it('leaves people’s changes to what code says as it said', async () => {
    const old = await declaring([schedule('@daily', 'one'), schedule('@daily', 'two')])
    await journey.kong.schedules.change('one', { expression: '@hourly' })
    await old.stop()
    await declaring([schedule('@daily', 'one'), schedule('@weekly', 'two')])
    expect(await journey.kong.schedules.get('one')).toMatchObject({ expression: '@hourly' })
  })

  it('of new code holds while old code runs and starts again, and can be taken back', async () => {
    const [old, new_] = [[schedule('@daily', 'old')], [schedule('@daily', 'new')]]
    const names = async (): Promise<string[]> => (await journey.kong.schedules.list()).map(({ name }) => name)
    const first = await declaring(old)
    const second = await declaring(new_)
    expect(await names()).toEqual(['new'])
    await first.stop()
    const again = await declaring(old)
    expect(await names()).toEqual(['new'])
    await second.stop()
    await eventually(async () => expect(await names()).toEqual(['old']))
    await again.stop()
  })

  it('says nothing of the schedules of another application, nor where it declares none', async () => {
    await declaring([schedule('@daily', 'billing')], 'billing')
    const other = await declaring([schedule('@daily', 'mail'), schedule('@weekly', 'billing')], 'mail')
    await journey.run(none)
    const all = await journey.kong.schedules.list()
    expect(all.map(({ name, application, expression }) => [name, application, expression])).toEqual([
      ['billing', 'billing', '@daily'],
      ['mail', 'mail', '@daily'],
    ])
    await expect(journey.kong.schedules.delete('mail')).rejects.toMatchObject({
      code: 'KT_SCHEDULE_DECLARED',
    })
    await other.stop()
    await journey.kong.schedules.delete('mail')
  })
})
