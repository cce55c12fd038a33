import { KongTask } from 'kongtask'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { openTerminal } from './pty.ts'
import { perform, type Spoken } from './streams.ts'

let database: TestDatabase
let kong: KongTask
const run = (...args: string[]): Promise<Spoken> =>
  perform(['schedules', ...args, '--database-url', database.connectionString])

beforeAll(async () => {
  database = await createTestDatabase()
  kong = new KongTask({ pool: database.pool })
  const options = { name: 'nightly', tz: 'Europe/Berlin' } as const
  await kong.schedules.create('30 2 * * *', 'clean', { deep: true }, options)
})
afterAll(() => database.drop())

describe('kongtask schedules', () => {
  it('lists them, and shows one with its ticks', async () => {
    const terminal = openTerminal(['schedules', 'list'], {
      cwd: '/tmp',
      env: { DATABASE_URL: database.connectionString },
      columns: 140,
    })
    expect(await terminal.exited).toBe(0)
    expect(terminal.text).toMatch(/^nightly +30 2 \* \* \* +Europe\/Berlin +clean +\d{4}-\S+Z +user$/m)
    expect((await run('show', 'nightly')).stdout).toMatch(/^payload +\{"deep":true\}$/m)
    const { stdout } = await run('show', 'nightly', '--json')
    expect(JSON.parse(stdout)).toMatchObject({ schedule: { name: 'nightly', source: 'user' }, ticks: [] })
  })

  it('previews a schedule and an expression, through a change of clocks', async () => {
    const after = ['--after', '2026-03-28T12:00:00Z', '--count', '2']
    expect((await run('preview', 'nightly', ...after)).stdout).toBe(
      '2026-03-29T01:30:00Z\n2026-03-30T00:30:00Z\n',
    )
    const { stdout } = await run('preview', '@daily', '--tz', 'Asia/Tokyo', ...after, '--json')
    expect(JSON.parse(stdout)).toEqual({
      of: '@daily',
      ticks: ['2026-03-28T15:00:00.000Z', '2026-03-29T15:00:00.000Z'],
    })
  })

  it('pauses, resumes, runs and deletes one, and says who did it', async () => {
    expect((await run('pause', 'nightly', '--by', 'ada')).stdout).toBe('The schedule nightly is paused.\n')
    expect((await kong.schedules.get('nightly'))?.pausedAt).toBeInstanceOf(Date)
    expect((await run('list')).stdout).toMatch(/ paused +user\n/)
    expect((await run('resume', 'nightly')).stdout).toBe('The schedule nightly is resumed.\n')
    expect((await kong.schedules.get('nightly'))?.pausedAt).toBeUndefined()
    const ran = await run('run', 'nightly', '--json')
    const { jobId }: { jobId: string } = JSON.parse(ran.stdout)
    expect(await kong.jobs.get(jobId)).toMatchObject({ task: 'clean', schedule: { name: 'nightly' } })
    expect((await run('delete', 'nightly')).stdout).toBe('The schedule nightly is deleted.\n')
    expect(await kong.schedules.list()).toEqual([])

    const { stdout } = await run('changes', 'nightly', '--json')
    const { changes }: { changes: { verb: string; by: string }[] } = JSON.parse(stdout)
    expect(changes.map(({ verb }) => verb)).toEqual(['deleted', 'ran', 'resumed', 'paused', 'created'])
    expect(changes[3]?.by).toBe('ada')
    expect((await run('changes', '--limit', '4')).stdout).toMatch(/nightly +paused +ada\n$/)
  })

  it('names what was meant, and refuses what it cannot read', async () => {
    await kong.schedules.create('@daily', 'clean', {}, { name: 'weekly' })
    for (const verb of ['show', 'preview', 'pause', 'resume', 'run', 'delete'])
      expect(await run(verb, 'wekly')).toMatchObject({
        exitCode: 1,
        stderr: expect.stringMatching(
          /^KT_SCHEDULE_NOT_FOUND: There is no schedule "wekly"\. Did you mean "weekly"\?/,
        ),
      })
    expect(await run('preview', '61 * * * *')).toMatchObject({ exitCode: 2, stdout: '' })
    expect(await run('preview', '@daily', '--tz', 'Mars')).toMatchObject({ exitCode: 2 })
  })
})
