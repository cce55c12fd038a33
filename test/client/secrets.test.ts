// A password is said nowhere: not in an error, its causes or its stack, not in a log line, not by the command.
import { inspect } from 'node:util'
import { KongTask, run, type Logger } from 'kongtask'
import pg from 'pg'
import { describe, expect, inject, it } from 'vitest'

const SECRET = 'hunter2-0f9c'

/** The server of this run, and what is wrong about each way to it. */
function ways(): readonly (readonly [what: string, connectionString: string])[] {
  const url = (change: (url: URL) => void): string => {
    const changed = new URL(inject('adminConnectionString'))
    changed.username = 'nobody_here'
    changed.password = SECRET
    change(changed)
    return changed.href
  }
  return [
    ['a role that does not exist, or its password', url(() => undefined)],
    ['a port where nobody listens', url((to) => (to.port = '1'))],
    ['a host that does not exist', url((to) => (to.hostname = 'no-such-host.invalid'))],
    ['a database that does not exist', url((to) => (to.pathname = '/no_such_database'))],
    ['TLS where there is none', url((to) => to.searchParams.set('sslmode', 'require'))],
    ['no address', `postgres://me:${SECRET}@:99999/app`],
    ['no connection string', `me:${SECRET}@localhost/app`],
    ['another kind of URL', `mysql://me:${SECRET}@localhost/app`],
    ['a password that is not escaped', `postgres://me:${SECRET}%@localhost/app`],
  ]
}

/** Everything that can be seen of it. */
const shown = (value: unknown): string =>
  [inspect(value, { depth: 12, showHidden: true }), String(value), JSON.stringify(value)].join('\n')

async function failureOf(work: () => Promise<unknown>): Promise<unknown> {
  try {
    await work()
  } catch (error) {
    return error
  }
  throw new Error('it did not fail')
}

function recorder(): { logger: Logger; lines: unknown[] } {
  const lines: unknown[] = []
  const say = (...args: unknown[]): void => void lines.push(args)
  return { lines, logger: { debug: say, info: say, warn: say, error: say } }
}

describe.each(ways().map(([what]) => what))('%s', (what) => {
  const connectionString = (): string => ways().find(([name]) => name === what)?.[1] ?? ''

  it('is complained of by a client without the password', async () => {
    const error = await failureOf(async () => {
      await using kong = new KongTask({ connectionString: connectionString() })
      await kong.addJob('work')
    })
    expect(shown(error)).not.toContain(SECRET)
  })

  it('is complained of by a runner, and its log, without the password', async () => {
    const { logger, lines } = recorder()
    const error = await failureOf(async () => {
      await using runner = await run({
        connectionString: connectionString(),
        tasks: { work: () => undefined },
        logger,
      })
      await runner.stopped
    })
    expect(shown(error)).not.toContain(SECRET)
    expect(shown(lines)).not.toContain(SECRET)
  })
})

it('a pool, a client and a runner that are shown do not show it', async () => {
  const connectionString = `postgres://me:${SECRET}@127.0.0.1:1/app`
  await using kong = new KongTask({ connectionString })
  expect(inspect(kong, { depth: 12 })).not.toContain(SECRET)
  const pool = new pg.Pool({ host: '127.0.0.1', port: 1, user: 'me', password: SECRET })
  const shared = new KongTask({ pool })
  expect(inspect(shared, { depth: 12 })).not.toContain(SECRET)
  await pool.end()
})
