import { KongTask } from 'kongtask'
import { describe, expect, it } from 'vitest'
import { perform } from '../cli/streams.ts'
import { createTestDatabase } from '../support/database.ts'
import { loadFixture, performAll } from './fixture.ts'

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
    expect(stdout).toMatch(/^✓ schedule often \(@every 90000ms\) moved$/m)
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
})
