import { KongTask, runTaskListOnce } from 'kongtask'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { openTerminal, type TerminalSession } from './pty.ts'
import { perform, type Spoken } from './streams.ts'

let database: TestDatabase
let kong: KongTask
const run = (...args: string[]): Promise<Spoken> =>
  perform(['jobs', ...args, '--database-url', database.connectionString])
const onTerminal = (...args: string[]): TerminalSession =>
  openTerminal(['jobs', ...args], { cwd: '/tmp', env: { DATABASE_URL: database.connectionString } })

beforeAll(async () => {
  database = await createTestDatabase()
  kong = new KongTask({ pool: database.pool })
})
afterAll(() => database.drop())

async function stateOf(id: string): Promise<string | undefined> {
  return (await kong.jobs.get(id))?.state
}

describe('kongtask jobs', () => {
  it('lists what fits every filter, page by page', async () => {
    const options = { tags: ['page'], queue: 'mail', uniqueKey: 'u', serialKey: 's', scheduledIn: '1h' }
    const { id } = await kong.addJob('paged', {}, options)
    for (let more = 0; more < 2; more++) await kong.addJob('paged', {}, { tags: ['page'] })
    const first = await run('list', '--task', 'paged,other', '--limit', '2', '--json')
    const page: { jobs: unknown[]; next: string } = JSON.parse(first.stdout)
    expect(page.jobs).toHaveLength(2)
    const second = await run('list', '--task', 'paged', '--limit', '2', '--after', page.next, '--json')
    expect(JSON.parse(second.stdout)).toMatchObject({ jobs: [{ id, task: 'paged' }], next: null })

    const all = [
      '--task',
      'paged',
      '--state',
      'scheduled',
      '--queue',
      'mail',
      '--tag',
      'page',
      '--unique-key',
      'u',
    ]
    const ranges = ['--created-from', '2026-01-01T00:00:00Z', '--scheduled-to', '2100-01-01T00:00:00Z']
    const exact = await run('list', ...all, '--serial-key', 's', ...ranges, '--json')
    expect(JSON.parse(exact.stdout)).toMatchObject({ jobs: [{ id }] })
    for (const other of [
      ['--state', 'ready', '--unique-key', 'u'],
      ['--queue', 'default', '--serial-key', 's'],
      ['--unique-key', 'v'],
      ['--serial-key', 't'],
      ['--parent-id', '1'],
      ['--error', 'x'],
      ['--created-to', '2026-01-01T00:00:00Z'],
      ['--scheduled-to', '2026-01-01T00:00:00Z'],
      ['--finished-from', '2026-01-01T00:00:00Z'],
    ])
      expect((await run('list', '--task', 'paged', ...other)).stdout).toBe('No job fits.\n')
  })

  it('shows tables on a terminal, and warns of a name that nobody uses', async () => {
    const { id } = await kong.addJob('tabled')
    const terminal = onTerminal('list', '--task', 'tabled,tabeld')
    expect(await terminal.exited).toBe(0)
    expect(terminal.text).toContain('Warning: There is no task "tabeld". Did you mean "tabled"?\n')
    expect(terminal.text).toMatch(/^id +state +task +queue +attempt +due or over +last error$/m)
    expect(terminal.text).toMatch(new RegExp(`^${id} +ready +tabled +default +0/25 +\\d{4}-`, 'm'))
  })

  it('shows a job with all there is of it, and says why it is where it is', async () => {
    const { id } = await kong.addJob('shown', { to: 'ada' }, { maxAttempts: 1, tags: ['a'] })
    await runTaskListOnce(
      {
        shown: () => {
          throw new Error('no such mailbox')
        },
      },
      { pool: database.pool },
    )
    const shown = onTerminal('show', id)
    expect(await shown.exited).toBe(0)
    expect(shown.text).toMatch(/^payload +\{"to":"ada"\}$/m)
    expect(shown.text).toMatch(/^ {2}attempt 1, .*Error: no such mailbox$/m)
    expect(shown.text).toContain(`Job ${id} is a dead letter since`)
    const explained = await run('explain', id, '--json')
    expect(JSON.parse(explained.stdout)).toMatchObject({ state: 'dead', cause: 'dead', data: { id } })
    expect((await run('explain', id)).stdout).toMatch(
      /^Job \d+ is a dead letter since .*no such mailbox\.\n$/,
    )
  })

  it('retries, cancels and deletes one job', async () => {
    const { id } = await kong.addJob('single', {}, { scheduledIn: '1h' })
    expect(await run('cancel', id, '--reason', 'no more')).toMatchObject({
      exitCode: 0,
      stdout: `single ${id} is cancelled now.\n`,
    })
    expect((await kong.jobs.explain(id)).data.reason).toBe('no more')
    const retried = await run('retry', id, '--json')
    expect(JSON.parse(retried.stdout)).toMatchObject({ id, state: 'ready' })
    expect((await run('delete', id)).stdout).toBe(`single ${id} deleted.\n`)
    expect(await stateOf(id)).toBeUndefined()
    for (const verb of ['show', 'explain', 'retry', 'cancel', 'delete'])
      expect(await run(verb, id)).toMatchObject({
        exitCode: 1,
        stderr: expect.stringMatching(/^KT_JOB_NOT_FOUND: .*\nWhat to do: /),
      })
  })

  it('asks on a terminal before it changes all that fit, and does nothing unless told yes', async () => {
    const ids = [(await kong.addJob('asked')).id, (await kong.addJob('asked')).id]
    const refused = onTerminal('cancel', '--task', 'asked')
    await refused.shows('Cancel 2 jobs? [y/N]')
    refused.type('n\r')
    expect(await refused.exited).toBe(1)
    expect(refused.text).toContain('Nothing was changed.')
    const interrupted = onTerminal('cancel', '--task', 'asked')
    await interrupted.shows('Cancel 2 jobs? [y/N]')
    interrupted.type('\u0003')
    expect(await interrupted.exited).toBe(130)
    expect(await Promise.all(ids.map(stateOf))).toEqual(['ready', 'ready'])

    const agreed = onTerminal('cancel', '--task', 'asked')
    await agreed.shows('Cancel 2 jobs? [y/N]')
    agreed.type('y\r')
    expect(await agreed.exited).toBe(0)
    expect(agreed.text).toContain('2 jobs cancelled.')
    expect(agreed.raw).toContain('cancelled  [########################]  100 %  (2 of 2)')
    expect(await Promise.all(ids.map(stateOf))).toEqual(['cancelled', 'cancelled'])
  })

  it('takes --yes where nobody can be asked, and only counts with --dry-run', async () => {
    const { id } = await kong.addJob('told', {}, { tags: ['told'] })
    expect(await run('delete', '--tag', 'told')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(
        /^KT_USAGE_INVALID: Delete every job that fits\? Nobody can be asked here; say --yes\./,
      ),
    })
    expect(await run('delete', '--tag', 'told', '--dry-run')).toMatchObject({
      exitCode: 0,
      stdout: '1 job would be deleted. Nothing was changed.\n',
    })
    expect(await stateOf(id)).toBe('ready')
    const done = await run('delete', '--tag', 'told', '--yes', '--json')
    expect(JSON.parse(done.stdout)).toMatchObject({ verb: 'delete', dryRun: false, matched: 1, changed: 1 })
    expect(await stateOf(id)).toBeUndefined()
    expect((await run('delete', '--tag', 'told', '--yes')).stdout).toBe('No job fits.\n')
  })

  it.each([
    [['lsit'], /Unknown command 'lsit' \(Did you mean list\?\)/],
    [['list', '--stat', 'dead'], /Unknown option '--stat' \(Did you mean --state\?\)/],
    [['list', '--state', 'deed'], /`state` must be one of/],
    [['list', '--limit', '5000'], /`limit` must be a whole number from 1 to 1000/],
    [['list', '--created-from', 'yesterday'], /createdAt\.from/],
    [['show', 'x'], /job's id is a string of digits/],
    [['cancel'], /Give the id of a job, or filters/],
    [['cancel', '17', '--task', 'a'], /one of the two/],
    [['delete', '17', '--dry-run'], /--dry-run is for what fits filters/],
    [['delete', '--state', 'running', '--yes'], /`state` must name states that jobs\.delete is for/],
  ])('%j is refused', async (args, message) => {
    const { exitCode, stdout, stderr } = await run(...args, '--json')
    expect([exitCode, stdout]).toEqual([2, ''])
    expect(JSON.parse(stderr)).toMatchObject({ error: { message: expect.stringMatching(message) } })
  })

  it('without a command prints its help, and is refused', async () => {
    const { exitCode, stdout, stderr } = await perform(['jobs'])
    expect([exitCode, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(
      /^Usage: kongtask jobs [^]*\nKT_USAGE_INVALID: One of its commands has to follow\./,
    )
    expect(JSON.parse((await perform(['jobs', '--json'])).stderr)).toMatchObject({
      error: { code: 'KT_USAGE_INVALID' },
    })
  })

  it.each(['list', 'show', 'explain', 'retry', 'cancel', 'delete'])(
    '%s --help has examples',
    async (verb) => {
      const { exitCode, stdout } = await perform(['jobs', verb, '--help'])
      expect(exitCode).toBe(0)
      expect(stdout).toMatch(
        new RegExp(`^Usage: kongtask jobs ${verb} [^]*Examples:\n  \\$ kongtask jobs ${verb}`),
      )
    },
  )
})
