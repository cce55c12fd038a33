import { afterAll, beforeAll, expect, it } from 'vitest'
import { z } from 'zod'
import { bench } from '../../src/bench/bench.ts'
import { addressOf, through } from '../../src/torture/address.ts'
import { Proxy } from '../../src/torture/proxy.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { openTerminal } from './pty.ts'
import { perform } from './streams.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase({ migrated: false })
})
afterAll(() => database.drop())

async function schemas({ pool }: TestDatabase = database): Promise<readonly string[]> {
  const { rows } = await pool.query<{ name: string }>(
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
    onLeftBehind: unexpected,
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
      onLeftBehind: unexpected,
    })
    await expect(given).rejects.toThrow('given up')
    expect(await schemas()).toEqual([])
  },
)

it('names its schema where that cannot be dropped, and tells what it measured all the same', async () => {
  await using guarded = await createTestDatabase({ migrated: false })
  await guarded.pool.query(`
    create function keep() returns event_trigger language plpgsql as $$ begin raise exception 'nothing is dropped here'; end $$;
    create event trigger keep on ddl_command_start when tag in ('DROP SCHEMA') execute function keep()`)
  const args = ['bench', '--jobs', '100', '--json', '--database-url', guarded.connectionString]
  const { exitCode, stdout, stderr } = await perform(args)
  const [left] = await schemas(guarded)
  expect(stderr).toMatch(new RegExp(`^The schema ${left} could not be dropped.*: nothing is dropped here`))
  expect(JSON.parse(stdout)).toMatchObject({ jobs: 100, raw: { insertsPerSecond: expect.any(Number) } })
  expect(exitCode).toBe(0)
})

it.each([false, true])(
  'gives up on a network that falls silent, and names its schema; Ctrl-C: %s',
  async (isGivenUp) => {
    await using own = await createTestDatabase({ migrated: false })
    const address = addressOf(own.connectionString)
    if (address === undefined) throw new Error('no proxy can stand in front of the test database')
    const proxy = await Proxy.open(() => address)
    const controller = new AbortController()
    const left: string[] = []
    const given = bench({
      connectionString: through(proxy.port, own.connectionString),
      jobs: 10_000_000,
      deadline: 2_000,
      signal: controller.signal,
      onProgress: () => {
        proxy.fallSilent()
        if (isGivenUp) controller.abort(new Error('given up'))
      },
      onLeftBehind: (schema) => left.push(schema),
    })
    // Of a statement under way, or of a connection: whichever lane was where.
    const silence = { code: expect.stringMatching(/^KT_(?:DEADLINE|DATABASE_UNAVAILABLE)$/) }
    await expect(given).rejects.toMatchObject(isGivenUp ? { message: 'given up' } : silence)
    await proxy.close()
    expect(left).toEqual(await schemas(own))
    expect(left).toHaveLength(1)
  },
)

it('names no schema where nobody answers, for there is none', async () => {
  const nowhere = 'postgres://nobody@127.0.0.1:1/nothing'
  const { exitCode, stderr } = await perform(['bench', '--database-url', nowhere])
  expect(exitCode).toBe(1)
  expect(stderr).toMatch(/^KT_DATABASE_UNAVAILABLE: /)
  expect(stderr).not.toContain('kongtask_bench')
})

function unexpected(schema: string, why: string): never {
  throw new Error(`${schema} is left: ${why}`)
}

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
