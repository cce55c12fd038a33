// The examples that are started by one command: from within, and as a newcomer starts them.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { KongTask } from 'kongtask'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import * as fastifyTables from '../../../examples/fastify/database.ts'
import { buildServer } from '../../../examples/fastify/server.ts'
import { sendWelcomeEmail } from '../../../examples/fastify/tasks.ts'
import { startWorker as startFastifyWorker } from '../../../examples/fastify/worker.ts'
import { buildApp } from '../../../examples/hono/app.ts'
import { startWorker as startHonoWorker } from '../../../examples/hono/worker.ts'
import { silent } from '../../journeys/journey-logger.ts'
import { settled, useJourney } from '../../journeys/journey.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { eventually } from '../../support/wait.ts'
import { root } from '../snippets.ts'

const app = useJourney()

interface Started {
  readonly output: () => string
  readonly ended: Promise<number | null>
  readonly stop: () => void
}

/** What `npm start` starts, without npm around it, on this run's server. */
async function start(example: string, environment: Readonly<Record<string, string>>): Promise<Started> {
  const folder = `${root}examples/${example}`
  const { scripts }: { scripts: Record<string, string> } = JSON.parse(
    await readFile(`${folder}/package.json`, 'utf8'),
  )
  const [command, ...args] = (scripts['start'] ?? '').split(' ')
  expect(command).toBe('tsx')
  const child = spawn(process.execPath, ['--import', 'tsx', ...args], {
    cwd: folder,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk
    })
  }
  const ended = once(child, 'close').then(([code]: unknown[]) => (typeof code === 'number' ? code : null))
  return { output: () => output, ended, stop: () => void child.kill('SIGTERM') }
}

it('minimal: thirty lines define, work, add and wait', async () => {
  const lines = (await readFile(`${root}examples/minimal/main.ts`, 'utf8')).trimEnd().split('\n')
  expect(lines.length).toBeLessThanOrEqual(30)
  await using database = await createTestDatabase({ migrated: false })
  const { ended, output } = await start('minimal', { DATABASE_URL: database.connectionString })
  expect(await ended).toBe(0)
  expect(output()).toMatch(/^Hello, Ada!$/m)
})

/** Sends a registration; answers the status. */
type Register = (body: object) => Promise<number>

/** What each web example has to do; `serving` answers how it is asked. */
function webExample(
  serving: (kong: KongTask) => Promise<{ register: Register; close: () => Promise<void> }>,
): void {
  const ada = { email: 'ada@example.org', name: 'Ada' }
  const jobs = async (): Promise<string[]> =>
    (await app.kong.jobs.list()).jobs.map(({ task }) => task).toSorted()
  const users = async (): Promise<number> => (await app.query('select from users')).length

  beforeEach(() => app.query('truncate users, statistics'))

  it('commits a user with the welcome, and then adds what may fail', async () => {
    const { register, close } = await serving(app.kong)
    expect(await register(ada)).toBe(201)
    expect(await users()).toBe(1)
    expect(await jobs()).toEqual(['send_welcome_email', 'update_statistics'])
    await close()
  })

  it('adds nothing for a request that is refused', async () => {
    const { register, close } = await serving(app.kong)
    expect(await register({ ...ada, email: 'no address' })).toBe(400)
    expect(await register(ada)).toBe(201)
    expect(await register({ ...ada, name: 'Another' })).toBe(409)
    expect(await users()).toBe(1)
    expect(await jobs()).toEqual(['send_welcome_email', 'update_statistics'])
    await close()
  })

  it('adds nothing where the commit itself fails', async () => {
    await app.query('alter table users add constraint late unique (name) deferrable initially deferred')
    const { register, close } = await serving(app.kong)
    expect(await register(ada)).toBe(201)
    expect(await register({ ...ada, email: 'other@example.org' })).toBe(409)
    await app.query('alter table users drop constraint late')
    expect(await users()).toBe(1)
    expect(await jobs()).toEqual(['send_welcome_email', 'update_statistics'])
    await close()
  })

  it('carries on where the second job cannot be added', async () => {
    const { register, close } = await serving(
      new KongTask({ pool: app.database.pool, tasks: [sendWelcomeEmail] }),
    )
    const complained = vi.spyOn(console, 'error').mockReturnValue(undefined)
    expect(await register(ada)).toBe(201)
    complained.mockRestore()
    expect(await users()).toBe(1)
    expect(await jobs()).toEqual(['send_welcome_email'])
    await close()
  })

  it('rolls the user back where the welcome cannot be added', async () => {
    const { register, close } = await serving(new KongTask({ pool: app.database.pool, tasks: [] }))
    const complained = vi.spyOn(console, 'error').mockReturnValue(undefined)
    expect(await register(ada)).toBe(500)
    complained.mockRestore()
    expect(await users()).toBe(0)
    expect(await jobs()).toEqual([])
    await close()
  })
}

beforeAll(() => fastifyTables.createTables(app.database.pool))

describe('examples/fastify', () => {
  webExample(async (kong) => {
    const server = buildServer({ pool: app.database.pool, kong })
    const register: Register = async (payload) =>
      (await server.inject({ method: 'POST', url: '/register', payload })).statusCode
    return { register, close: () => server.close() }
  })
})

describe('examples/hono', () => {
  webExample(async (kong) => {
    const hono = buildApp({ pool: app.database.pool, kong })
    const register: Register = async (body) => {
      const headers = { 'content-type': 'application/json' }
      return (await hono.request('/register', { method: 'POST', headers, body: JSON.stringify(body) })).status
    }
    return { register, close: () => Promise.resolve() }
  })
})

describe.each([
  { example: 'fastify', startWorker: startFastifyWorker },
  { example: 'hono', startWorker: startHonoWorker },
])('the worker of examples/$example', ({ startWorker }) => {
  it('welcomes users, and counts them once for all that came within a minute', async () => {
    const { pool } = app.database
    await app.query("truncate users, statistics; insert into users values ('u1', 'ada@example.org', 'Ada')")
    const kong = new KongTask({ pool })
    await using runner = await startWorker({ pool, logger: silent })
    const done = settled(runner, 2)
    await kong.addJob(sendWelcomeEmail, { userId: 'u1', email: 'ada@example.org', name: 'Ada' })
    for (const status of ['added', 'skipped'])
      expect(await kong.addJob('update_statistics', {}, { uniqueFor: '1m' })).toMatchObject({ status })
    await done
    expect(await app.states()).toEqual({ completed: 2 })
    expect(await app.query('select welcomed_at is not null as is_welcomed from users')).toEqual([
      { is_welcomed: true },
    ])
    expect(await app.query('select users from statistics')).toEqual([{ users: 1 }])
  })
})

describe('as they are started', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await createTestDatabase({ migrated: false })
  })
  afterAll(() => database.drop())

  it.each(['fastify', 'hono'])(
    '%s: one command serves and works on loopback, and ends in good order',
    async (example) => {
      const { output, ended, stop } = await start(example, {
        DATABASE_URL: database.connectionString,
        PORT: '0',
      })
      const url = await eventually(
        () => {
          const [, found] = /curl (http:\/\/127\.0\.0\.1:\d+)\/register/.exec(output()) ?? []
          if (found === undefined) throw new Error(`it does not listen:\n${output()}`)
          return found
        },
        { within: 20_000 },
      )
      const response = await fetch(`${url}/register`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ email: `${example}@example.org`, name: 'Ada' }),
      })
      expect(response.status).toBe(201)
      await eventually(async () => {
        const { rows } = await database.pool.query(
          'select from users where email = $1 and welcomed_at is not null',
          [`${example}@example.org`],
        )
        expect(rows).toHaveLength(1)
      })
      stop()
      expect(await ended).toBe(0)
    },
  )
})
