import { KongTask, type Job } from 'kongtask'
import { describe, expect, it } from 'vitest'
import { perform } from '../cli/streams.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { facts, loadFixture, performAll } from './fixture.ts'

const TASKS = ['send_email', 'charge', 'report', 'exact', 'fails']

async function withJobs(): Promise<TestDatabase> {
  const database = await createTestDatabase()
  await loadFixture('graphile-worker', database.connectionString)
  return database
}

const leftThere = async ({ pool }: TestDatabase): Promise<unknown[]> => {
  const { rows } = await pool.query<{ identifier: string }>(
    `select t.identifier from graphile_worker._private_jobs j
       join graphile_worker._private_tasks t on t.id = j.task_id order by 1`,
  )
  return rows.map(({ identifier }) => identifier)
}

const run = (database: TestDatabase, ...args: string[]): ReturnType<typeof perform> =>
  perform(['import', 'graphile-worker', ...args, '--database-url', database.connectionString])

describe('kongtask import graphile-worker', () => {
  it('moves what waits with all it has, leaves what is being run, and names what cannot come', async () => {
    await using database = await withJobs()
    await using kong = new KongTask({ pool: database.pool })
    const made = await database.pool.query(
      "select date_trunc('milliseconds', created_at) as at from graphile_worker._private_jobs where attempts = 1 and locked_at is null",
    )
    const { stdout, stderr, exitCode } = await run(database)
    expect(stderr).toBe('')
    expect(exitCode).toBe(3)
    expect(stdout).toMatch(/^send_email +2 +0 +0$/m)
    expect(stdout).toMatch(/^✗ two words: KT_NAME_INVALID: .* --task "two words=name"/m)
    expect(stdout).toMatch(/^✓ report: priority -5 has become 0: there are 0 to 15 {2}\(job \d+\)$/m)
    expect(stdout).toMatch(/^! Schedules stand in graphile-worker's crontab file.*\(morning\)/m)
    expect(stdout).toMatch(/^! 1 is being run by workers of graphile-worker/m)
    expect(stdout).toMatch(/^9 jobs moved; 1 left\.$/m)
    expect(await leftThere(database)).toEqual(['busy', 'two words'])

    const { jobs } = await kong.jobs.list({ task: TASKS })
    const of = (name: string): Job[] => jobs.filter(({ task }) => task === name)
    expect(of('report').map((job) => ({ ...facts(job), key: job.uniqueKey, flags: job.flags }))).toEqual([
      {
        task: 'report',
        queue: 'default',
        payload: { of: 'may' },
        state: 'ready',
        attempt: 0,
        maxAttempts: 3,
        priority: 0,
        key: 'report:may',
        flags: ['slow'],
      },
    ])
    const later = of('send_email').find(({ state }) => state === 'scheduled')
    expect(later?.scheduledAt).toEqual(new Date('2100-01-01T06:00:00Z'))
    const [failed] = of('fails')
    expect(failed).toMatchObject({
      attempt: 1,
      maxAttempts: 5,
      errors: [{ attempt: 1, message: 'no such mailbox' }],
    })
    expect(made.rows).toEqual([{ at: failed?.createdAt }])
    const { rows } = await database.pool.query("select payload::text from kongtask.jobs where payload ? 'f'")
    expect(rows).toEqual([{ payload: '{"f": 1.10, "n": 12345678901234567890}' }])

    const performed = await performAll(database.pool, TASKS)
    expect(performed.toSorted()).toEqual([
      'charge {"n":1}',
      'charge {"n":2}',
      'charge {"n":3}',
      'exact {"f":1.1,"n":12345678901234567000}',
      ...performed.filter((text) => text.startsWith('fails')),
      'report {"of":"may"}',
      'send_email {"to":"ada@example.org"}',
    ])
    expect(performed.filter((text) => text.startsWith('charge'))).toEqual(
      [1, 2, 3].map((n) => `charge {"n":${n}}`),
    )
  })

  it('renames tasks, moves queues, and tells of names that are of no use', async () => {
    await using database = await withJobs()
    await using kong = new KongTask({ pool: database.pool })
    const renames = ['--task', 'two words=two_words', '--queue', 'account-1=billing', '--task', 'nobody=x']
    const { stdout } = await run(database, ...renames, '--json')
    const report: unknown = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '')
    expect(report).toMatchObject({ moved: 10, left: 0, running: 1, dryRun: false })
    expect(report).toHaveProperty(
      'hints',
      expect.arrayContaining(['--task nobody=…: nothing is called so there.']),
    )
    expect((await kong.jobs.list({ task: 'two_words' })).jobs).toHaveLength(1)
    const { jobs } = await kong.jobs.list({ queue: 'billing' })
    expect(jobs.map(({ serialKey }) => serialKey)).toEqual(['account-1', 'account-1', 'account-1'])
    expect(await leftThere(database)).toEqual(['busy'])
  })

  it('says with --dry-run what it would do, and changes nothing', async () => {
    await using database = await withJobs()
    const before = await leftThere(database)
    const { stdout, exitCode } = await run(database, '--dry-run')
    expect(exitCode).toBe(3)
    expect(stdout).toMatch(/^9 jobs would move; 1 left\. Nothing was changed\.$/m)
    expect(await leftThere(database)).toEqual(before)
    const { rows } = await database.pool.query(
      'select from kongtask.jobs union all select from kongtask.imports',
    )
    expect(rows).toEqual([])
  })

  it('leaves a job whose unique key somebody has here, and takes it when that is over', async () => {
    await using database = await withJobs()
    await using kong = new KongTask({ pool: database.pool })
    const { id } = await kong.addJob('report', {}, { uniqueKey: 'report:may' })
    expect((await run(database, '--task', 'two words=x')).stdout).toMatch(
      /^✗ report: a job here has its unique key.*\(job \d+\)$/m,
    )
    expect(await leftThere(database)).toEqual(['busy', 'report'])
    await kong.jobs.cancel(id)
    expect((await run(database)).exitCode).toBe(0)
    expect(await leftThere(database)).toEqual(['busy'])
  })

  it('says so where there is nothing to import from, or something that it does not know', async () => {
    await using database = await createTestDatabase()
    const missing = await run(database, '--from-schema', 'jobs "x"')
    expect(missing.exitCode).toBe(1)
    expect(missing.stderr).toMatch(/^KT_IMPORT_SOURCE_NOT_FOUND: There is no graphile-worker here/)
    await loadFixture('graphile-worker', database.connectionString)
    await database.pool.query('update graphile_worker.migrations set id = 21 where id = 20')
    const newer = await run(database)
    expect(newer.stderr).toMatch(
      /^KT_IMPORT_SOURCE_VERSION: .* are of version 21; known are versions 16 to 20/,
    )
    expect((await run(database, '--task', 'x')).stderr).toMatch(/^KT_USAGE_INVALID: --task takes old=new/)
  })

  it('does not take what waits in a queue of which a job is being run', async () => {
    await using database = await withJobs()
    await database.pool.query(
      "update graphile_worker._private_job_queues set locked_at = now() where queue_name = 'account-1'",
    )
    const { stdout } = await run(database)
    expect(stdout).toMatch(/^! 3 more wait there/m)
    expect(await leftThere(database)).toEqual(['busy', 'charge', 'charge', 'charge', 'two words'])
  })
})
