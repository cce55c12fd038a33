import { KongTask, PermanentError, runTaskListOnce } from 'kongtask'
import { expect, it } from 'vitest'
import { z } from 'zod'
import { lookAt } from '../../src/cli/top-look.ts'
import { createTestDatabase } from '../support/database.ts'
import { openTerminal } from './pty.ts'
import { perform } from './streams.ts'

it('kongtask top shows queues live on a screen of its own, which Ctrl-C leaves, and once without a terminal', async () => {
  await using database = await createTestDatabase()
  const kong = new KongTask({ pool: database.pool })
  await kong.addJob('send', {}, { queue: 'email' })
  const env = { DATABASE_URL: database.connectionString }
  const terminal = openTerminal(['top'], { cwd: '/tmp', env })
  await terminal.shows(/^email +1 +0 +0 /m)
  await kong.addJob('send', {}, { queue: 'email' })
  await terminal.shows(/^email +2 +0 +0 /m)
  terminal.type('\u0003')
  expect(await terminal.exited).toBe(0)
  const [entered, left] = ['\u001b[?1049h', '\u001b[?1049l'].map((code) => terminal.raw.indexOf(code))
  expect(entered).toBeGreaterThanOrEqual(0)
  expect(left).toBeGreaterThan(entered ?? 0)

  const url = ['--database-url', database.connectionString]
  const { stdout } = await perform(['top', ...url])
  expect(stdout).toMatch(/^kongtask {2}\S+Z {2}2 ready, 0 running, 0 workers\n\nqueue +ready /)
  expect(JSON.parse((await perform(['top', '--once', '--json', ...url])).stdout)).toMatchObject({
    queues: [{ name: 'default' }, { name: 'email', ready: 2 }],
    workers: [],
    countTo: 10_000,
  })
})

it('kongtask top leaves the terminal as it was where it is ended at once, because the database does not answer', async () => {
  await using database = await createTestDatabase()
  const env = { DATABASE_URL: database.connectionString }
  const terminal = openTerminal(['top', '--interval', '1ms'], { cwd: '/tmp', env })
  await terminal.shows('0 ready, 0 running')
  const holder = await database.pool.connect()
  await holder.query('begin; lock table kongtask.queues in access exclusive mode')
  const waiting =
    'select from pg_locks where not granted and database = (select oid from pg_database where datname = current_database())'
  await expect.poll(async () => (await holder.query(waiting)).rowCount).toBeGreaterThan(0)
  process.kill(terminal.pid, 'SIGINT')
  process.kill(terminal.pid, 'SIGTERM')
  // Which of two signals at a time is heard last is not said.
  expect([130, 143]).toContain(await terminal.exited)
  await holder.query('rollback')
  holder.release()
  expect(terminal.raw.endsWith('\u001b[?25h\u001b[?1049l')).toBe(true)
})

it('kongtask top says what goes through per second since the frame before, by queue and task', async () => {
  await using database = await createTestDatabase()
  const kong = new KongTask({ pool: database.pool })
  const work = (): Promise<void> =>
    runTaskListOnce(
      {
        send: () => undefined,
        fail: () => {
          throw new Error('again')
        },
        die: () => {
          throw new PermanentError('never')
        },
      },
      { pool: database.pool },
    )
  await kong.addJobs([{ task: 'send' }, { task: 'send', queue: 'email' }])
  await work()
  const first = await kong.flow()
  expect(first).toMatchObject({ ms: 0, tasks: [] })
  // The first of them was added before, so only its end counts.
  await kong.addJob('send', {}, { queue: 'email' })
  const { mark } = await kong.flow(first.mark)
  for (const task of ['send', 'fail', 'die']) await kong.addJob(task, {}, { queue: 'email' })
  await kong.addJob('send', {}, { scheduledIn: '1h' })
  await work()
  const flow = await kong.flow(mark)
  expect(flow.ms).toBeGreaterThan(0)
  const none = { added: 0, completed: 0, failed: 0 }
  expect(flow.tasks).toEqual([
    { ...none, queue: 'default', task: 'send', added: 1 },
    { ...none, queue: 'email', task: 'die', added: 1, failed: 1 },
    { ...none, queue: 'email', task: 'fail', added: 1, failed: 1 },
    { ...none, queue: 'email', task: 'send', added: 1, completed: 2 },
  ])
  expect((await kong.flow(flow.mark)).tasks).toEqual([])

  const { look } = await lookAt(kong, mark)
  const rates = look.rates?.map(({ added, completed, failed }) => [added, completed, failed])
  const [waiting = [], died = [], failed = [], sent = []] = rates ?? []
  // The same span of time for all: what was counted once is the unit.
  const unit = died[0] ?? Number.NaN
  expect(unit).toBeGreaterThan(0)
  expect([waiting, died, failed, sent]).toEqual([
    [unit, 0, 0],
    [unit, 0, unit],
    [unit, 0, unit],
    [unit, 2 * unit, 0],
  ])

  const url = ['--database-url', database.connectionString]
  const { stdout } = await perform(['top', '--frames', '2', '--interval', '1ms', '--json', ...url])
  const frames = stdout.trimEnd().split('\n')
  expect(frames.map((line) => FRAME.parse(JSON.parse(line)).rates)).toEqual([undefined, []])
  expect(await perform(['top', '--frames', '2', '--once', ...url])).toMatchObject({ exitCode: 2 })
  expect(await perform(['top', '--frames', '0', ...url])).toMatchObject({ exitCode: 2 })
})

const FRAME = z.object({
  at: z.iso.datetime(),
  rates: z
    .array(
      z.strictObject({
        queue: z.string(),
        task: z.string(),
        added: z.number(),
        completed: z.number(),
        failed: z.number(),
      }),
    )
    .optional(),
})
