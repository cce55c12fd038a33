import { afterAll, beforeAll, expect, it } from 'vitest'
import { z } from 'zod'
import { bench } from '../../src/bench/bench.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { openTerminal } from './pty.ts'
import { perform } from './streams.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase({ migrated: false })
})
afterAll(() => database.drop())

async function schemas(): Promise<readonly string[]> {
  const { rows } = await database.pool.query<{ name: string }>(
    `select nspname as name from pg_namespace where nspname ~ '^kongtask'`,
  )
  return rows.map(({ name }) => name)
}

const rate = z.number().positive()
const RESULT = z.strictObject({
  jobs: z.literal(300),
  concurrency: z.literal(7),
  connections: z.literal(10),
  postgres: z.string().regex(/^\d+\.\d+$/),
  embedded: z.null(),
  addsPerSecond: rate,
  jobsPerSecond: rate,
  idleLatency: z.strictObject({ p50: rate, p99: rate }),
  raw: z.strictObject({ insertsPerSecond: rate, deletesPerSecond: rate }),
})

it('kongtask bench says how many a second, beside the limit, and leaves nothing behind', async () => {
  const args = ['bench', '--jobs', '300', '--concurrency', '7', '--database-url', database.connectionString]
  const { exitCode, stdout, stderr } = await perform([...args, '--json'])
  expect([exitCode, stderr]).toEqual([0, ''])
  const { idleLatency } = RESULT.parse(JSON.parse(stdout))
  expect(idleLatency.p99).toBeGreaterThanOrEqual(idleLatency.p50)
  expect(await schemas()).toEqual([])
})

it('goes through its phases in order, and counts each to its end', async () => {
  const seen = new Map<string, number>()
  await bench({
    connectionString: database.connectionString,
    jobs: 200,
    signal: new AbortController().signal,
    onProgress: ({ phase, done, total }) => seen.set(phase, done / total),
  })
  expect([...seen.keys()]).toEqual(['inserting', 'deleting', 'adding', 'working', 'waiting'])
  expect([...seen.values()].slice(0, 4)).toEqual([1, 1, 1, 1])
})

it.each(['inserting', 'deleting', 'adding', 'working', 'waiting'])(
  'drops its schema when it is given up while it is %s',
  async (when) => {
    const controller = new AbortController()
    const given = bench({
      connectionString: database.connectionString,
      jobs: 300,
      signal: controller.signal,
      onProgress: ({ phase }) => {
        if (phase === when) controller.abort(new Error('given up'))
      },
    })
    await expect(given).rejects.toThrow('given up')
    expect(await schemas()).toEqual([])
  },
)

it('shows a bar on a terminal, where Ctrl-C ends it with 130 and nothing is left', async () => {
  const terminal = openTerminal(['bench', '--jobs', '5000000'], {
    cwd: '/tmp',
    env: { DATABASE_URL: database.connectionString },
  })
  await terminal.shows(/inserting {2}\[#* *\] {2}\d+ % {2}\(\d+ of 5000000\)/)
  terminal.type('\u0003')
  expect(await terminal.exited).toBe(130)
  expect(await schemas()).toEqual([])
})

it.each([
  [['--jobs', '99'], 'KT_OPTION_INVALID'],
  [['--jobs', 'many'], 'KT_OPTION_INVALID'],
  [['--concurrency', '0'], 'KT_OPTION_INVALID'],
])('refuses %j before it makes anything', async (args, code) => {
  const spoken = await perform(['bench', ...args, '--database-url', database.connectionString])
  expect(spoken).toMatchObject({ exitCode: 2, stdout: '' })
  expect(spoken.stderr).toMatch(new RegExp(`^${code}: `))
})
