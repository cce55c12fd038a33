import pg from 'pg'
import { describe, expect, it } from 'vitest'
import type { Middleware } from '../core/middleware.ts'
import { defineTask } from '../core/task.ts'
import { consoleLogger } from './console-logger.ts'
import { readRunnerOptions } from './runner-options.ts'

// No pool opens a connection before somebody asks it something.
const connectionString = 'postgres://nobody@localhost:1/none'
const tasks = { work: () => undefined }
const good = { connectionString, tasks }

describe('the options of a runner', () => {
  it('are these where nothing else is said', () => {
    const { pool, tasks: list, ...config } = readRunnerOptions(good)
    expect(config).toEqual({
      ownsPool: true,
      application: 'default',
      queues: undefined,
      concurrency: 10,
      pollInterval: 2_000,
      leaseDuration: 15_000,
      heartbeatInterval: 5_000,
      gracePeriod: 25_000,
      stuckAfter: 30_000,
      middleware: [],
      logger: expect.objectContaining({ info: expect.any(Function) }),
      storeLogs: 'warn',
      keepLogs: 7 * 86_400_000,
      schema: 'kongtask',
      migrate: true,
      handleSignals: false,
      signal: undefined,
    })
    expect([...list.keys()]).toEqual(['work'])
    expect(pool).toBeInstanceOf(pg.Pool)
  })

  it('are taken as they are given, durations in milliseconds', () => {
    const pool = new pg.Pool({ connectionString })
    const { signal } = new AbortController()
    const layer: Middleware = (_, next) => next()
    const given = {
      pool,
      directConnectionString: 'postgres://nobody@localhost:2/none',
      tasks,
      queues: { email: 3, 'video/hd': 10_000 },
      concurrency: 1,
      pollInterval: '500ms',
      leaseDuration: '1m',
      heartbeatInterval: 4_000,
      gracePeriod: 0,
      stuckAfter: '90s',
      middleware: [layer],
      logger: consoleLogger,
      schema: 'jobs',
      migrate: false,
      handleSignals: true,
      signal,
    }
    const config = readRunnerOptions(given)
    expect(config).toMatchObject({
      ownsPool: false,
      directConnectionString: 'postgres://nobody@localhost:2/none',
      queues: new Map([
        ['email', 3],
        ['video/hd', 10_000],
      ]),
      concurrency: 1,
      pollInterval: 500,
      leaseDuration: 60_000,
      heartbeatInterval: 4_000,
      gracePeriod: 0,
      stuckAfter: 90_000,
      middleware: [layer],
      schema: 'jobs',
      migrate: false,
      handleSignals: true,
    })
    expect([config.pool, config.signal]).toEqual([pool, signal])
    expect(Object.isFrozen(config)).toBe(true)
  })

  it('count as not given where they are undefined', () => {
    const absent = Object.fromEntries(
      [
        'pool',
        'directConnectionString',
        'queues',
        'concurrency',
        'pollInterval',
        'leaseDuration',
        'heartbeatInterval',
        'gracePeriod',
        'stuckAfter',
        'middleware',
        'logger',
        'schema',
        'migrate',
        'handleSignals',
        'signal',
      ].map((option) => [option, undefined]),
    )
    const { pool: _, logger: _logger, ...config } = readRunnerOptions({ ...good, ...absent })
    const { pool: __, logger: __logger, ...plain } = readRunnerOptions(good)
    expect(config).toEqual(plain)
  })

  it('have a heartbeat of a third of the lease', () => {
    expect(readRunnerOptions({ ...good, leaseDuration: '6s' }).heartbeatInterval).toBe(2_000)
    expect(
      readRunnerOptions({ ...good, leaseDuration: 1_000, heartbeatInterval: '333ms' }).heartbeatInterval,
    ).toBe(333)
  })
})

const log = (): void => undefined
const contract = defineTask('work')

describe('a bad option', () => {
  it.each<readonly [string, object, string, string]>([
    // Null is a mistake, never "not given".
    ...[
      'concurrency',
      'pollInterval',
      'leaseDuration',
      'heartbeatInterval',
      'gracePeriod',
      'stuckAfter',
      'middleware',
      'queues',
      'logger',
      'schema',
      'migrate',
      'handleSignals',
      'signal',
      'tasks',
      'pool',
      'connectionString',
      'directConnectionString',
    ].map((option): readonly [string, object, string, string] => [
      `${option}: null`,
      { [option]: null },
      codeOfNull(option),
      '',
    ]),
    ['an unknown name', { conurrency: 5 }, 'KT_OPTION_UNKNOWN', 'concurrency'],
    ['no concurrency', { concurrency: 0 }, 'KT_OPTION_INVALID', 'concurrency'],
    ['half a concurrency', { concurrency: 1.5 }, 'KT_OPTION_INVALID', 'concurrency'],
    ['too much concurrency', { concurrency: 10_001 }, 'KT_OPTION_INVALID', 'concurrency'],
    ['a concurrency of text', { concurrency: '5' }, 'KT_OPTION_INVALID', 'concurrency'],
    ['a concurrency of NaN', { concurrency: Number.NaN }, 'KT_OPTION_INVALID', 'concurrency'],
    ['no poll interval', { pollInterval: 0 }, 'KT_DURATION_INVALID', 'pollInterval'],
    ['a poll interval of nonsense', { pollInterval: 'often' }, 'KT_DURATION_INVALID', 'pollInterval'],
    ['a negative grace period', { gracePeriod: -1 }, 'KT_DURATION_INVALID', 'gracePeriod'],
    ['an endless grace period', { gracePeriod: Infinity }, 'KT_DURATION_INVALID', 'gracePeriod'],
    ['a lease below a second', { leaseDuration: 999 }, 'KT_OPTION_INVALID', 'leaseDuration (999 ms)'],
    ['a lease of nothing', { leaseDuration: 0 }, 'KT_DURATION_INVALID', 'leaseDuration'],
    [
      'a heartbeat of more than a third of the lease',
      { leaseDuration: 3_000, heartbeatInterval: 1_001 },
      'KT_OPTION_INVALID',
      'heartbeatInterval (1001 ms)',
    ],
    ['no heartbeat', { heartbeatInterval: 0 }, 'KT_DURATION_INVALID', 'heartbeatInterval'],
    ['no queues', { queues: {} }, 'KT_OPTION_INVALID', 'queues'],
    ['a list of queues', { queues: ['email'] }, 'KT_OPTION_INVALID', 'queues'],
    ['a map of queues', { queues: new Map([['email', 1]]) }, 'KT_OPTION_INVALID', 'queues'],
    ['a queue without slots', { queues: { email: 0 } }, 'KT_OPTION_INVALID', 'queues.email'],
    ['a queue that is no name', { queues: { 'two words': 1 } }, 'KT_NAME_INVALID', 'two words'],
    [
      'a logger without warn',
      { logger: { debug: log, info: log, error: log } },
      'KT_OPTION_INVALID',
      'logger',
    ],
    ['a schema that is no name', { schema: 'My Jobs' }, 'KT_SCHEMA_NAME_INVALID', 'My Jobs'],
    ['a schema that is a keyword', { schema: 'select' }, 'KT_SCHEMA_NAME_INVALID', 'select'],
    ['no schema', { schema: '' }, 'KT_SCHEMA_NAME_INVALID', ''],
    ['a half-hearted migrate', { migrate: 'no' }, 'KT_OPTION_INVALID', 'migrate'],
    ['a number for handleSignals', { handleSignals: 1 }, 'KT_OPTION_INVALID', 'handleSignals'],
    ['a controller for a signal', { signal: new AbortController() }, 'KT_OPTION_INVALID', 'signal'],
    ['no tasks', { tasks: undefined }, 'KT_TASK_INVALID', 'tasks'],
    ['a task without a handler', { tasks: [contract] }, 'KT_TASK_INVALID', 'handle(task, fn)'],
    ['a task that is no name', { tasks: { 'two words': log } }, 'KT_NAME_INVALID', 'two words'],
    [
      'a task twice',
      {
        tasks: [
          { name: 'a', handle: log },
          { name: 'a', handle: log },
        ],
      },
      'KT_TASK_DUPLICATE',
      'a',
    ],
    ['no connection', { connectionString: undefined }, 'KT_CONNECTION_INVALID', 'connectionString'],
    ['two connections', { pool: new pg.Pool() }, 'KT_CONNECTION_INVALID', 'either'],
    ['a connection to nowhere', { connectionString: 'localhost' }, 'KT_CONNECTION_INVALID', 'postgres://'],
    [
      'a way past the pooler to nowhere',
      { directConnectionString: 'localhost' },
      'KT_CONNECTION_INVALID',
      '`directConnectionString` must look like postgres://',
    ],
    [
      'a way past the pooler that cannot be read',
      { directConnectionString: 'postgres://localhost:port/db' },
      'KT_CONNECTION_INVALID',
      'cannot be read',
    ],
    [
      'a client for a pool',
      { connectionString: undefined, pool: new pg.Client() },
      'KT_CONNECTION_INVALID',
      'pool',
    ],
  ])('is refused with a code: %s', (_, bad, code, message) => {
    expect(() => readRunnerOptions({ ...good, ...bad })).toThrow(
      expect.objectContaining({ name: 'KongTaskError', code, message: expect.stringContaining(message) }),
    )
  })

  it.each([null, 5, 'postgres://localhost/db', [], () => ({}), new Map()])(
    'may be all of them: %j is refused',
    (options) => {
      expect(() => readRunnerOptions(options)).toThrow(
        expect.objectContaining({ name: 'KongTaskError', code: 'KT_OPTION_INVALID' }),
      )
    },
  )

  it('does not tell the password of the connection string', () => {
    const secret = 'hunter2'
    expect(() => readRunnerOptions({ tasks, connectionString: `mysql://me:${secret}@localhost/db` })).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining(secret) }),
    )
  })
})

function codeOfNull(option: string): string {
  if (option === 'pool' || /connectionString$/i.test(option)) return 'KT_CONNECTION_INVALID'
  if (option === 'tasks') return 'KT_TASK_INVALID'
  if (option === 'schema') return 'KT_SCHEMA_NAME_INVALID'
  const durations = ['pollInterval', 'leaseDuration', 'heartbeatInterval', 'gracePeriod', 'stuckAfter']
  return durations.includes(option) ? 'KT_DURATION_INVALID' : 'KT_OPTION_INVALID'
}
