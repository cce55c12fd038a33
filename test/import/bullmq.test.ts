import { defineTask, handle, KongTask, run } from 'kongtask'
import { describe, expect, it, vi } from 'vitest'
import { importFrom } from '../../src/import/import.ts'
import { perform } from '../cli/streams.ts'
import { silent } from '../journeys/journey-logger.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { loadFixture, performAll } from './fixture.ts'

async function withJobs(): Promise<TestDatabase> {
  const database = await createTestDatabase()
  await loadFixture('bullmq', database.connectionString)
  return database
}

const importAll = ({ connectionString }: TestDatabase): ReturnType<typeof perform> =>
  perform(['import', 'bullmq', '--task', 'two words=two_words', '--database-url', connectionString])

const OFTEN_TWICE = `
  insert into bullmq.scheduler
  select (jsonb_populate_record(s, '{"queue": "work"}')).* from bullmq.scheduler s where scheduler_id = 'often'`

const schedulersOf = async ({ pool }: TestDatabase): Promise<unknown[]> =>
  (await pool.query("select queue || '/' || scheduler_id as name from bullmq.scheduler order by 1")).rows.map(
    ({ name }: { readonly name: unknown }) => name,
  )

describe('kongtask import bullmq', () => {
  it('moves jobs and schedulers with all they have, leaves flows and what is being run, and says why', async () => {
    await using database = await createTestDatabase()
    await loadFixture('bullmq', database.connectionString)
    await using kong = new KongTask({ pool: database.pool })
    const renames = ['--task', 'mail/welcome=send_welcome', '--task', 'two words=two_words']
    const { stdout, stderr, exitCode } = await perform([
      'import',
      'bullmq',
      ...renames,
      '--database-url',
      database.connectionString,
    ])
    expect(stderr).toBe('')
    expect(exitCode).toBe(3)
    expect(stdout).toMatch(/^welcome +send_welcome +\d +0 +0$/m)
    expect(stdout).toMatch(/^✗ parent: it is part of a flow/m)
    expect(stdout).toMatch(/^✗ child: it is part of a flow/m)
    expect(stdout).toMatch(/^✓ fails: had the option backoff: an object; see `backoff` of the task/m)
    expect(stdout).toMatch(/^✓ schedule morning \(0 6 \* \* \*\) moved$/m)
    expect(stdout).toMatch(
      /^✓ schedule often \(@every 90000ms\) moved: came 29773 ms after each whole interval; here it comes at whole/m,
    )
    expect(stdout).toMatch(/^✗ schedule thrice .* left: it comes 3 times only/m)
    expect(stdout).toMatch(/^! 1 is being run by workers of bullmq/m)
    const { rows: left } = await database.pool.query<{ name: string }>(
      'select distinct name from bullmq.job order by name',
    )
    // `poll` is what the scheduler that stays has planned.
    expect(left.map(({ name }) => name)).toEqual(['busy', 'child', 'parent', 'poll'])

    const { jobs } = await kong.jobs.list({ queue: ['mail', 'work'] })
    const [later] = jobs.filter(({ task, state }) => task === 'send_welcome' && state === 'scheduled')
    expect(later).toMatchObject({ queue: 'mail', payload: { to: 'later@example.org' } })
    expect(Math.abs((later?.scheduledAt.getTime() ?? 0) - Date.parse('2100-01-01T06:00:00Z'))).toBeLessThan(
      1_000,
    )
    expect(jobs.find(({ task }) => task === 'report')).toMatchObject({ uniqueKey: 'may', maxAttempts: 3 })
    expect(jobs.find(({ task }) => task === 'fails')).toMatchObject({
      attempt: 1,
      maxAttempts: 5,
      errors: [{ message: 'no such mailbox' }],
    })
    expect(
      (await kong.schedules.list()).map(({ name, tz, task, options }) => ({ name, tz, task, options })),
    ).toEqual([
      { name: 'morning', tz: 'Europe/Berlin', task: 'digest', options: { queue: 'mail', maxAttempts: 1 } },
      { name: 'often', tz: 'UTC', task: 'poll', options: { queue: 'mail', maxAttempts: 1 } },
    ])
    const performed = await performAll(database.pool, ['send_welcome', 'charge', 'two_words'])
    expect(performed).toContain('send_welcome {"to":"ada@example.org"}')
    expect(performed.filter((text) => text.startsWith('charge'))).toEqual(
      [3, 2, 1].map((n) => `charge {"n":${n}}`),
    )
  })

  it('moves the job that a scheduler has planned, and has the schedule begin behind it', async () => {
    await using database = await withJobs()
    const planned = new Date('2100-01-01T05:00:00Z')
    const id = `repeat:morning:${planned.getTime()}`
    await database.pool.query(
      `update bullmq.scheduler set next_run_ms = ${planned.getTime()} where scheduler_id = 'morning'`,
    )
    await database.pool.query(
      `update bullmq.job set id = '${id}', process_at_ms = ${planned.getTime()} where scheduler_id = 'morning'`,
    )
    await importAll(database)
    await using kong = new KongTask({ pool: database.pool })
    const { jobs } = await kong.jobs.list({ task: 'digest' })
    expect(jobs.map(({ scheduledAt, payload }) => ({ scheduledAt, payload }))).toEqual([
      { scheduledAt: planned, payload: { to: 'all' } },
    ])
    expect((await kong.schedules.get('morning'))?.nextTick).toEqual(new Date('2100-01-02T05:00:00Z'))
  })

  it('leaves a scheduler whose name another one has, of another queue or with other options', async () => {
    await using database = await withJobs()
    await database.pool.query(`
      create table brought as select * from bullmq.scheduler where scheduler_id = 'often';
      ${OFTEN_TWICE}`)
    const ANOTHER = /^✗ schedule often .* left: there is another schedule of that name here/m
    const first = await importAll(database)
    expect(first.exitCode).toBe(3)
    expect(first.stdout).toMatch(/^✓ schedule often .* moved/m)
    expect(first.stdout).toMatch(ANOTHER)
    expect(await schedulersOf(database)).toEqual(['mail/thrice', 'work/often'])
    expect((await importAll(database)).stdout).toMatch(ANOTHER)
    expect(await schedulersOf(database)).toEqual(['mail/thrice', 'work/often'])
    // As whoever was killed before it was taken away there leaves it.
    await database.pool.query('insert into bullmq.scheduler select * from brought')
    expect((await importAll(database)).stdout).toMatch(/^✓ schedule often .* came before$/m)
    expect(await schedulersOf(database)).toEqual(['mail/thrice', 'work/often'])
  })

  it('tells two schedulers of one name apart, though they say the same', async () => {
    await using database = await withJobs()
    await database.pool.query(OFTEN_TWICE)
    const args = ['import', 'bullmq', '--queue', 'work=mail', '--database-url', database.connectionString]
    await perform(args)
    expect(await schedulersOf(database)).toEqual(['mail/thrice', 'work/often'])
  })

  it('takes an encrypted schedule for another one', async () => {
    await using database = await withJobs()
    await database.pool.query('create table brought as select * from bullmq.scheduler')
    const options = {
      connectionString: database.connectionString,
      source: 'bullmq',
      sourceSchema: undefined,
      from: undefined,
      encryption: { keys: { k1: Buffer.alloc(32, 7) }, current: 'k1' },
      tasks: [],
      queues: [],
      dryRun: false,
    } as const
    await importFrom(options)
    await database.pool.query('insert into bullmq.scheduler select * from brought on conflict do nothing')
    const { schedules } = await importFrom(options)
    expect(schedules.map(({ name, outcome }) => `${name} ${outcome}`)).toEqual([
      'morning left',
      'often left',
      'thrice left',
    ])
  })

  it('has the jobs of a schedule heed what their task says of new ones', async () => {
    await using database = await withJobs()
    await importAll(database)
    const digest = defineTask('digest', { timeout: '5m' })
    const { pool } = database
    const runner = await run({
      pool,
      tasks: [handle(digest, () => undefined)],
      queues: { none: 1 },
      logger: silent,
    })
    await runner.stop()
    await using kong = new KongTask({ pool })
    const { id } = await kong.schedules.runNow('morning')
    const { rows } = await pool.query(
      "select extras -> 'timeout' as timeout from kongtask.jobs where id = $1",
      [id],
    )
    expect(rows).toEqual([{ timeout: 300_000 }])
  })

  it('runs nothing early where the clock of whoever imports is fast', async () => {
    await using database = await withJobs()
    vi.useFakeTimers({ toFake: ['Date'], now: new Date('2200-01-01') })
    try {
      await importAll(database)
    } finally {
      vi.useRealTimers()
    }
    const { jobs } = await new KongTask({ pool: database.pool }).jobs.list({ task: 'welcome' })
    expect(jobs.map(({ state }) => state).toSorted()).toEqual(['ready', 'scheduled'])
  })
})
