import { KongTask } from 'kongtask'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { openTerminal } from './pty.ts'
import { perform, type Spoken } from './streams.ts'

let database: TestDatabase
let kong: KongTask
const run = (...args: string[]): Promise<Spoken> =>
  perform(['queues', ...args, '--database-url', database.connectionString])

beforeAll(async () => {
  database = await createTestDatabase()
  kong = new KongTask({ pool: database.pool })
  for (let count = 0; count < 3; count++) await kong.addJob('send', {}, { queue: 'email' })
  await kong.addJob('send', {}, { queue: 'email', scheduledIn: '1h' })
})
afterAll(() => database.drop())

async function pausedAt(name: string): Promise<Date | undefined> {
  return (await kong.queues.list()).find((queue) => queue.name === name)?.pausedAt
}

describe('kongtask queues', () => {
  it('lists what is in them, counted as far as wanted', async () => {
    await kong.queues.limit('email', { concurrency: 5 })
    const terminal = openTerminal(['queues', 'list', '--count-to', '3'], {
      cwd: '/tmp',
      env: { DATABASE_URL: database.connectionString },
    })
    expect(await terminal.exited).toBe(0)
    expect(terminal.text).toMatch(/^queue +ready +running +scheduled +oldest$/m)
    expect(terminal.text).toMatch(/^email +3\+ +0 +1 +\S+ +5 at once$/m)
    const { stdout } = await run('list', '--json')
    expect(JSON.parse(stdout)).toMatchObject({
      countTo: 10_000,
      queues: [
        { name: 'default' },
        { name: 'email', ready: 3, scheduled: 1, concurrency: 5, oldestReadyAge: expect.any(Number) },
      ],
    })
  })

  it('pauses and resumes one', async () => {
    expect(await run('pause', 'email')).toMatchObject({ exitCode: 0, stdout: 'The queue email is paused.\n' })
    expect(await pausedAt('email')).toBeInstanceOf(Date)
    expect((await run('list')).stdout).toMatch(/paused since \d{4}-/)
    const { stdout } = await run('resume', 'email', '--json')
    expect(JSON.parse(stdout)).toEqual({ queue: 'email', paused: false })
    expect(await pausedAt('email')).toBeUndefined()
  })

  it('tells a slip from a queue that nobody has used yet', async () => {
    for (const verb of ['pause', 'resume'])
      expect(await run(verb, 'emial')).toMatchObject({
        exitCode: 1,
        stderr: expect.stringMatching(
          /^KT_QUEUE_NOT_FOUND: There is no queue "emial"\. Did you mean "email"\?/,
        ),
      })
    expect(await pausedAt('emial')).toBeUndefined()
    await run('pause', 'later', '--any-queue')
    expect(await pausedAt('later')).toBeInstanceOf(Date)
  })
})
