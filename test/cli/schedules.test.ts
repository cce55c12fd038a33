import { writeFile } from 'node:fs/promises'
import { KongTask } from 'kongtask'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { projectFolder } from './project-folder.ts'
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

describe('kongtask schedules create and change', () => {
  it('make a schedule with every option, and change what is said of it', async () => {
    const what = ['0 6 * * MON-FRI', 'send_report', '--name', 'morning', '--payload', '{"to":"ada"}']
    const when = ['--tz', 'Europe/Berlin', '--catch-up', 'latest', '--within', '1h', '--by', 'ada']
    const jobs = ['--queue', 'mail', '--priority', '2', '--tags', 'report,daily', '--max-attempts', '3']
    const made = await run('create', ...what, ...when, ...jobs, '--json')
    expect(made).toMatchObject({ exitCode: 0, stderr: '' })
    expect(SCHEDULE.parse(JSON.parse(made.stdout)).schedule).toMatchObject({
      name: 'morning',
      source: 'user',
      expression: '0 6 * * MON-FRI',
      tz: 'Europe/Berlin',
      catchUp: 'latest',
      within: 3_600_000,
      task: 'send_report',
      payload: { to: 'ada' },
      options: { queue: 'mail', priority: 2, tags: ['report', 'daily'], maxAttempts: 3 },
    })
    const changed = await run(
      'change',
      'morning',
      '--expression',
      '0 7 * * *',
      '--priority',
      '0',
      '--by',
      'bob',
    )
    expect(changed.stdout).toMatch(/^The schedule morning adds send_report next: \d{4}-\S+T0[56]:00:00Z\.\n$/)
    const kept = await kong.schedules.get('morning')
    expect(kept).toMatchObject({
      expression: '0 7 * * *',
      tz: 'Europe/Berlin',
      payload: { to: 'ada' },
      options: { queue: 'mail', priority: 0, tags: ['report', 'daily'] },
    })
    await run('change', 'morning', '--payload', '{"to":"bob"}')
    expect((await kong.schedules.get('morning'))?.payload).toEqual({ to: 'bob' })
    expect((await kong.schedules.changes('morning')).map(({ verb, by }) => [verb, by]).slice(1)).toEqual([
      ['changed', 'bob'],
      ['created', 'ada'],
    ])
    await run('pause', 'morning')
    expect((await run('change', 'morning', '--tz', 'UTC')).stdout).toBe(
      'The schedule morning adds send_report next: once it is resumed.\n',
    )
  })

  it('refuse what is wrong before anything is written', async () => {
    const before = await kong.schedules.list()
    await run('create', '@daily', 'twice')
    for (const [code, exitCode, args] of [
      ['KT_SCHEDULE_EXISTS', 1, ['create', '@hourly', 'twice']],
      ['KT_SCHEDULE_INVALID', 2, ['create', '61 * * * *', 'x']],
      ['KT_NAME_INVALID', 2, ['create', '@daily', 'no spaces']],
      ['KT_PAYLOAD_NOT_JSON', 2, ['create', '@daily', 'x', '--payload', '{to:1}']],
      ['KT_OPTION_INVALID', 2, ['create', '@daily', 'x', '--catch-up', 'some']],
      ['KT_OPTION_INVALID', 2, ['create', '@daily', 'x', '--tz', 'Mars']],
      ['KT_USAGE_INVALID', 2, ['create', '@daily', 'x', '--scheduled-in', '1h']],
      ['KT_USAGE_INVALID', 2, ['create', '@daily']],
      ['KT_USAGE_INVALID', 2, ['change', 'twice']],
      ['KT_OPTION_INVALID', 2, ['change', 'twice', '--task', 'other']],
      ['KT_SCHEDULE_NOT_FOUND', 1, ['change', 'twise', '--tz', 'UTC']],
    ] as const) {
      const { stderr, ...spoken } = await run(...args, '--json')
      const { error }: { error: { code: string } } = JSON.parse(stderr)
      expect([args, error.code, spoken]).toEqual([args, code, { exitCode, stdout: '' }])
    }
    expect((await run('change', 'twise', '--tz', 'UTC')).stderr).toContain('Did you mean "twice"?')
    const now = await kong.schedules.list()
    expect(now).toHaveLength(before.length + 1)
    expect(now.find(({ name }) => name === 'twice')).toMatchObject({ expression: '@daily', payload: {} })
  })

  it('check task and payload by the tasks of the project', async () => {
    await using project = await projectFolder({ 'tasks/mail.mjs': TASK, 'tasks/report.mjs': CONTRACT })
    const tasks = ['--tasks', `${project.path}/tasks`]
    expect(await run('create', '@daily', 'mial', ...tasks)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('Did you mean "mail"?'),
    })
    expect(await run('create', '@daily', 'mail', ...tasks, '--payload', '{"to":1}')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/^KT_PAYLOAD_INVALID: /),
    })
    expect(await kong.schedules.get('mail')).toBeUndefined()
    expect(await run('create', '@daily', 'report', ...tasks, '--payload', '{"to":1}')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/^KT_PAYLOAD_INVALID: /),
    })
    expect(await run('create', '@daily', 'report', ...tasks, '--payload', '{"to":"ada"}')).toMatchObject({
      exitCode: 0,
    })
    expect(await run('create', '@daily', 'mial', ...tasks, '--any-task')).toMatchObject({ exitCode: 0 })
    const path = `${project.path}/payload.json`
    await writeFile(path, '{"to":"ada"}')
    expect(await run('create', '@daily', 'mail', ...tasks, '--payload', `@${path}`)).toMatchObject({
      exitCode: 0,
    })
    expect(await run('change', 'mail', ...tasks, '--payload', '{"to":2}')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/^KT_PAYLOAD_INVALID: /),
    })
    expect((await kong.schedules.get('mail'))?.payload).toEqual({ to: 'ada' })
  })
})

const TASK = `const validate = (value) => typeof value.to === 'string' ? { value } : { issues: [{ message: 'must be text', path: ['to'] }] }
export const payload = { '~standard': { version: 1, vendor: 'test', validate } }
export const handle = () => {}
`

const CONTRACT = `import { defineTask, handle } from 'kongtask'
${TASK.split('\n')[0] ?? ''}
const payload = { '~standard': { version: 1, vendor: 'test', validate } }
export default handle(defineTask('report', { payload }), () => {})
`

const SCHEDULE = z.strictObject({
  schedule: z.strictObject({
    name: z.string(),
    source: z.enum(['code', 'crontab', 'user']),
    expression: z.string(),
    tz: z.string(),
    catchUp: z.enum(['all', 'latest', 'none']),
    within: z.number(),
    task: z.string(),
    payload: z.unknown(),
    options: z.record(z.string(), z.unknown()),
    nextTick: z.iso.datetime(),
    createdAt: z.iso.datetime(),
    changedAt: z.iso.datetime(),
  }),
})
