import { KongTask, run as runWorker } from 'kongtask'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { openTerminal } from './pty.ts'
import { perform } from './streams.ts'

let database: TestDatabase
let kong: KongTask
beforeAll(async () => {
  database = await createTestDatabase()
  kong = new KongTask({ pool: database.pool })
})
afterAll(() => database.drop())

describe('kongtask logs and kongtask workers', () => {
  it('follows the lines of a job until it is over; meanwhile its process is listed with it', async () => {
    let goOn = (): void => undefined
    const held = new Promise<void>((resolve) => (goOn = resolve))
    const runner = await runWorker({
      pool: database.pool,
      queues: { mail: 2 },
      tasks: {
        talk: async (_payload, { logger }) => {
          logger.warn('begun', { step: 1 })
          await held
          logger.error('ended')
        },
      },
    })
    const { id } = await kong.addJob('talk', {}, { queue: 'mail' })
    const env = { DATABASE_URL: database.connectionString }
    const terminal = openTerminal(['logs', '-f', id], { cwd: '/tmp', env })
    await terminal.shows(/ 1 warn {2}begun \{"step":1\}\n/)
    const workers = openTerminal(['workers'], { cwd: '/tmp', env, columns: 140 })
    expect(await workers.exited).toBe(0)
    expect(workers.text).toMatch(/^ +1 +\S+ +\d+ +v\d\S+ +\d{4}-\S+Z +1 +mail=2$/m)
    const url = ['--database-url', database.connectionString]
    const asJson = await perform(['workers', '--json', ...url])
    expect(JSON.parse(asJson.stdout)).toMatchObject({
      workers: [{ queues: { mail: 2 }, jobs: [{ id, task: 'talk' }] }],
    })

    const left = openTerminal(['logs', '-f', id], { cwd: '/tmp', env })
    await left.shows('begun')
    left.type('\u0003')
    expect(await left.exited).toBe(130)

    goOn()
    expect(await terminal.exited).toBe(0)
    expect(terminal.text).toMatch(new RegExp(` 1 error ended\n[^]*talk ${id} is completed\\.`))
    await runner.stop()
    const lines = (await perform(['logs', id, '--json', ...url])).stdout.trimEnd().split('\n')
    expect(lines.map((line): unknown => JSON.parse(line))).toMatchObject([
      { level: 'warn', message: 'begun', fields: { step: 1 }, attempt: 1 },
      { level: 'error', message: 'ended' },
    ])
    expect((await perform(['logs', id, '--attempt', '2', ...url])).stdout).toBe('')
    expect((await perform(['workers', ...url])).stdout).toBe('Nobody works.\n')
  })

  it('ends with 0 where the job that it follows is over, and nothing is kept of it', async () => {
    const { id } = await kong.addJob('fleeting', {}, { retain: false, scheduledIn: '1h' })
    const following = perform(['logs', '-f', id, '--database-url', database.connectionString])
    // Its first look, and that is over.
    const looked = `select from pg_stat_activity where datname = current_database() and state = 'idle'
                     and application_name <> 'kongtask test' and query like '%l.level, l.message%'`
    await expect.poll(async () => (await database.pool.query(looked)).rowCount).toBe(1)
    await kong.jobs.delete(id)
    expect(await following).toMatchObject({ exitCode: 0, stdout: `fleeting ${id} is over.\n` })
  })

  it('refuses a job that is not there', async () => {
    const { exitCode, stderr } = await perform([
      'logs',
      '-f',
      '4711',
      '--database-url',
      database.connectionString,
    ])
    expect([exitCode, stderr]).toEqual([1, expect.stringMatching(/^KT_JOB_NOT_FOUND: There is no job 4711/)])
  })
})
