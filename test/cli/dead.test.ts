import { KongTask, PermanentError, runTaskListOnce } from 'kongtask'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { openTerminal } from './pty.ts'
import { perform, type Spoken } from './streams.ts'

let database: TestDatabase
let kong: KongTask
const run = (...args: string[]): Promise<Spoken> =>
  perform(['dead', ...args, '--database-url', database.connectionString])

beforeAll(async () => {
  database = await createTestDatabase()
  kong = new KongTask({ pool: database.pool })
})
afterAll(() => database.drop())

/** Dead letters of a task, one for each message. */
async function died(task: string, messages: readonly string[]): Promise<readonly string[]> {
  const ids: string[] = []
  for (const message of messages) ids.push((await kong.addJob(task, { message })).id)
  await runTaskListOnce(
    {
      [task]: (payload) => {
        throw new PermanentError(messageOf(payload))
      },
    },
    { pool: database.pool },
  )
  return ids
}

function messageOf(payload: unknown): string {
  return typeof payload === 'object' && payload !== null && 'message' in payload
    ? String(payload.message)
    : ''
}

describe('kongtask dead', () => {
  it('lists dead letters, and what they died of', async () => {
    const [first = ''] = await died('listed', ['user 1 not found', 'user 2 not found', 'timeout'])
    const groups = openTerminal(['dead', 'list', '--groups', '--task', 'listed'], {
      cwd: '/tmp',
      env: { DATABASE_URL: database.connectionString },
    })
    expect(await groups.exited).toBe(0)
    expect(groups.text).toMatch(/^ +2 +listed +\S+Z +\d+ +user <n> not found$/m)
    const asJson = await run('list', '--groups', '--task', 'listed', '--json')
    expect(JSON.parse(asJson.stdout)).toMatchObject({ complete: true, groups: [{ count: 2 }, { count: 1 }] })
    const those = await run('list', '--task', 'listed', '--error', 'user <n> not found', '--json')
    expect(JSON.parse(those.stdout)).toMatchObject({ jobs: [{}, { id: first }], next: null })
    expect((await run('list', '--task', 'listed')).stdout).toMatch(/ dead +listed .* user 1 not found\n/)
  })

  it('brings back one, those that fit, or all', async () => {
    const [one = '', ...others] = await died('redriven', ['a', 'b', 'c'])
    expect((await run('redrive', one)).stdout).toBe(`redriven ${one} is ready now.\n`)
    const some = await run(
      'redrive',
      '--task',
      'redriven',
      '--error',
      'b',
      '--rate',
      '1000/s',
      '--yes',
      '--json',
    )
    expect(JSON.parse(some.stdout)).toMatchObject({ verb: 'redrive', changed: 1 })
    const states = others.map(async (id) => (await kong.jobs.get(id))?.state)
    expect(await Promise.all(states)).toEqual(['ready', 'dead'])
    const all = await run('redrive', '--all', '--yes', '--json')
    expect(JSON.parse(all.stdout)).toMatchObject({ conflicts: 0 })
    expect((await kong.deadLetters.list()).jobs).toEqual([])
    expect(await run('redrive', one)).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/^KT_JOB_NOT_FOUND: There is no dead letter/),
    })
  })

  it('forgets one, or those that are old enough', async () => {
    const [one = '', other = ''] = await died('purged', ['a', 'b'])
    expect((await run('purge', one)).stdout).toBe(`purged ${one} purged.\n`)
    expect((await run('purge', '--older-than', '1h', '--yes')).stdout).toBe('No dead letter fits.\n')
    expect((await kong.jobs.get(other))?.state).toBe('dead')
    expect((await run('purge', '--task', 'purged', '--older-than', '0s', '--yes')).stdout).toBe(
      '1 dead letter purged.\n',
    )
    expect(await kong.jobs.get(other)).toBeUndefined()
  })

  it.each([
    [['redrive'], /Give the id of a dead letter, or --all/],
    [['redrive', '--all', '--task', 'a'], /one of these/],
    [['redrive', '--all', '--rate', 'fast', '--yes'], /`rate` must be jobs a second/],
    [['purge', '17', '--older-than', '1d'], /one of these/],
    [['purge', '--older-than', 'ages', '--yes'], /`olderThan`: "ages"/],
    [['list', '--state', 'dead'], /Unknown option '--state'/],
  ])('%j is refused', async (args, message) => {
    const { exitCode, stderr } = await run(...args)
    expect(exitCode).toBe(2)
    expect(stderr).toMatch(message)
  })
})
