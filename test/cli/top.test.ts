import { KongTask } from 'kongtask'
import { expect, it } from 'vitest'
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
