import { KongTask } from 'kongtask'
import { describe, expect, it } from 'vitest'
import { perform } from '../cli/streams.ts'
import { createTestDatabase } from '../support/database.ts'
import { facts, loadFixture, performAll } from './fixture.ts'

const ID = '00000000-0000-4000-8000-000000000001'

const TASKS = ['send-email', 'charge', 'report', 'sync', 'fails']

describe('kongtask import pg-boss', () => {
  it('moves jobs and schedules with all they have, leaves what is being run, and names what cannot come', async () => {
    await using database = await createTestDatabase()
    await loadFixture('pg-boss', database.connectionString)
    // A tick of a schedule that has not become a job yet, as its cron pass writes it.
    await database.pool.query(`
      insert into pgboss.queue (name, policy, retry_limit, retry_delay, retry_backoff, expire_seconds, retention_seconds,
                                deletion_seconds, partition, table_name)
      values ('__pgboss__send-it', 'standard', 2, 0, false, 900, 1209600, 604800, false, 'job_common');
      insert into pgboss.job (name, data) values ('__pgboss__send-it',
        '{"name": "report", "key": "june", "data": {"of": "tick"}, "options": {"priority": 3, "retryLimit": 1}}')`)
    await using kong = new KongTask({ pool: database.pool })
    const args = ['import', 'pg-boss', '--database-url', database.connectionString]
    const { stdout, stderr, exitCode } = await perform(args)
    expect(stderr).toBe('')
    expect(exitCode).toBe(3)
    expect(stdout).toMatch(/^charge +3 +0 +0$/m)
    expect(stdout).toMatch(/^✓ charge: priority 5 has become 0: .* {2}\(3 jobs: /m)
    expect(stdout).toMatch(/^✓ sync: was in the group "acme"/m)
    expect(stdout).toMatch(/^✓ fails: waited 3600 s and longer each time for a retry/m)
    expect(stdout).toMatch(/^✓ send-email: would have gone to the dead letter queue "dead"/m)
    expect(stdout).toMatch(
      /^✓ schedule send-email \(0 6 \* \* \*\) moved: had the option deadLetter: "dead"$/m,
    )
    expect(stdout).toMatch(/^✓ schedule report:june .* moved: had the option policy: "exclusive"$/m)
    expect(stdout).toMatch(/^✗ schedule report:rule \(FREQ=.*\) left: it is a rule/m)
    expect(stdout).toMatch(/^! 1 is being run by workers of pg-boss/m)
    expect(stdout).toMatch(/^9 jobs moved\.$/m)
    const { rows: left } = await database.pool.query("select name from pgboss.job where state < 'completed'")
    expect(left).toEqual([{ name: 'busy' }])

    const { jobs } = await kong.jobs.list({ task: TASKS })
    const one = (payload: object): unknown =>
      jobs.find((job) => JSON.stringify(job.payload) === JSON.stringify(payload))
    const reported = jobs.filter(({ task }) => task === 'report')
    expect(reported.map((job) => ({ ...facts(job), key: job.uniqueKey }))).toEqual(
      expect.arrayContaining([
        {
          task: 'report',
          queue: 'default',
          payload: { of: 'may' },
          state: 'ready',
          attempt: 0,
          maxAttempts: 5,
          priority: 1,
          key: 'may',
        },
      ]),
    )
    expect(one({ of: 'tick' })).toMatchObject({ task: 'report', maxAttempts: 2, priority: 0 })
    expect(one({ to: 'later@example.org' })).toMatchObject({
      state: 'scheduled',
      priority: 3,
      scheduledAt: new Date('2100-01-01T06:00:00Z'),
    })
    expect(jobs.find(({ task }) => task === 'sync')).toMatchObject({ serialKey: 'sync', payload: {} })
    expect(jobs.filter(({ serialKey }) => serialKey === 'charge:account-1')).toHaveLength(3)
    expect(jobs.find(({ task }) => task === 'fails')).toMatchObject({
      attempt: 1,
      maxAttempts: 5,
      errors: [{ attempt: 1, message: 'no such mailbox' }],
    })
    const timeouts = await database.pool.query(
      'select extras -> \'timeout\' as timeout from kongtask.jobs where payload @> \'{"of": "may"}\'',
    )
    expect(timeouts.rows).toEqual([{ timeout: 60_000 }])

    const schedules = await kong.schedules.list()
    expect(
      schedules.map(({ name, expression, tz, catchUp, task, payload, options }) => ({
        name,
        expression,
        tz,
        catchUp,
        task,
        payload,
        options,
      })),
    ).toEqual([
      {
        name: 'report:june',
        expression: '*/10 * * * *',
        tz: 'UTC',
        catchUp: 'none',
        task: 'report',
        payload: { of: 'june' },
        options: { maxAttempts: 2, timeout: 900_000, priority: 0 },
      },
      {
        name: 'send-email',
        expression: '0 6 * * *',
        tz: 'Europe/Berlin',
        catchUp: 'latest',
        task: 'send-email',
        payload: { to: 'all@example.org' },
        // Of its queue.
        options: { maxAttempts: 3, timeout: 900_000 },
      },
    ])
    const performed = await performAll(database.pool, TASKS)
    expect(performed).toEqual(expect.arrayContaining(['send-email {"to":"ada@example.org"}', 'sync {}']))
    expect(performed.filter((text) => text.startsWith('charge'))).toEqual(
      [1, 2, 3].map((n) => `charge {"n":${n}}`),
    )
    expect((await perform(args)).stdout).toMatch(/^0 jobs moved\.$/m)
  })

  it('tells jobs of one id in several queues apart, in one database or from another', async () => {
    for (const isOne of [true, false]) {
      await using ours = await createTestDatabase()
      await using other = await createTestDatabase({ migrated: false })
      const theirs = isOne ? ours : other
      await loadFixture('pg-boss', theirs.connectionString)
      await theirs.pool.query(`
        delete from pgboss.job;
        insert into pgboss.job (id, name, data, state)
        values ('${ID}', 'send-email', '{"n": 1}', 'created'), ('${ID}', 'fails', '{"n": 2}', 'created'),
               ('${ID}', 'busy', '{"n": 3}', 'active')`)
      const from = isOne ? [] : ['--from', theirs.connectionString]
      const { stdout } = await perform([
        'import',
        'pg-boss',
        ...from,
        '--database-url',
        ours.connectionString,
      ])
      expect(stdout).toMatch(/^2 jobs moved\.$/m)
      const { jobs } = await new KongTask({ pool: ours.pool }).jobs.list({ task: TASKS })
      expect(jobs.map(({ payload }) => payload)).toEqual(expect.arrayContaining([{ n: 1 }, { n: 2 }]))
      expect((await theirs.pool.query('select name from pgboss.job')).rows).toEqual([{ name: 'busy' }])
    }
  })

  it('keeps serial keys of several queues apart, and says what they keep waiting', async () => {
    await using database = await createTestDatabase()
    await loadFixture('pg-boss', database.connectionString)
    await database.pool.query(`
      delete from pgboss.job;
      insert into pgboss.job (name, policy, singleton_key, start_after)
      values ('charge', 'key_strict_fifo', 'account-1', '2100-01-01T06:00:00Z'), ('sync', 'singleton', 'account-1', now())`)
    const { stdout } = await perform(['import', 'pg-boss', '--database-url', database.connectionString])
    expect(stdout).toMatch(/^✓ charge: is due later, and here keeps waiting what is added behind it/m)
    expect(stdout).not.toMatch(/^✓ sync: is due later/m)
    const { jobs } = await new KongTask({ pool: database.pool }).jobs.list({ task: TASKS })
    expect(new Set(jobs.map(({ serialKey }) => serialKey))).toEqual(
      new Set(['charge:account-1', 'sync:account-1']),
    )
  })
})
