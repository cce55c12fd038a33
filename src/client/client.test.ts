import { Pool } from 'pg'
import { describe, expect, it } from 'vitest'
import { KongTaskError } from '../core/errors.ts'
import { defineTask } from '../core/task.ts'
import { KongTask } from './client.ts'
import { readClientOptions } from './client-options.ts'

const connectionString = 'postgres://user:s3cret@localhost:1/db'
const create = (options: unknown): unknown => Reflect.construct(KongTask, [options])

describe('the constructor', () => {
  it('fills in the defaults', async () => {
    const { pool, ...config } = readClientOptions({ connectionString })
    expect(config).toEqual({
      ownsPool: true,
      schema: 'kongtask',
      known: undefined,
      maxPayload: 1_048_576,
      deadline: 10_000,
    })
    await pool.end()
  })

  it('reads every option, and undefined as not given', async () => {
    const pool = new Pool()
    expect(
      readClientOptions({
        pool,
        connectionString: undefined,
        schema: 'jobs',
        tasks: [defineTask('a'), { name: 'b', handle: () => 1 }],
        maxPayload: 100,
        deadline: '2s',
      }),
    ).toEqual({
      pool,
      ownsPool: false,
      schema: 'jobs',
      known: new Set(['a', 'b']),
      maxPayload: 100,
      deadline: 2_000,
    })
    await pool.end()
  })

  it.each([
    ['postgres://localhost/db'],
    ['postgresql://user:p%40ss@host:5433/db?sslmode=disable'],
    ['postgres:///db?host=/var/run/postgresql'],
    ['/var/run/postgresql db'],
  ])('takes %s', async (text) => {
    const kong = new KongTask({ connectionString: text })
    await expect(kong.close()).resolves.toBeUndefined()
  })

  const refused: readonly (readonly [options: unknown, code: string, message: string])[] = [
    [undefined, 'KT_CONNECTION_INVALID', 'either `connectionString` or `pool`'],
    [{}, 'KT_CONNECTION_INVALID', 'either `connectionString` or `pool`'],
    [{ connectionString: undefined }, 'KT_CONNECTION_INVALID', 'either'],
    [{ connectionString, pool: new Pool() }, 'KT_CONNECTION_INVALID', 'either'],
    [connectionString, 'KT_OPTION_INVALID', 'a plain object'],
    [null, 'KT_OPTION_INVALID', 'a plain object'],
    [{ connectionString: '' }, 'KT_CONNECTION_INVALID', 'postgres://'],
    [{ connectionString: 5 }, 'KT_CONNECTION_INVALID', 'not 5'],
    [{ connectionString: 'mysql://localhost/db' }, 'KT_CONNECTION_INVALID', 'postgres://'],
    [{ connectionString: 'postgres://host:port/db' }, 'KT_CONNECTION_INVALID', 'cannot be read'],
    [{ pool: {} }, 'KT_CONNECTION_INVALID', 'must be a node-postgres Pool, not an object'],
    [{ pool: null }, 'KT_CONNECTION_INVALID', 'not null'],
    [{ connectionString, shema: 'x' }, 'KT_OPTION_UNKNOWN', 'Did you mean "schema"?'],
    [{ connectionString, schema: 'My Schema' }, 'KT_SCHEMA_NAME_INVALID', '"My Schema"'],
    [{ connectionString, schema: null }, 'KT_SCHEMA_NAME_INVALID', 'null'],
    [{ connectionString, maxPayload: 0 }, 'KT_OPTION_INVALID', '`maxPayload`'],
    [{ connectionString, maxPayload: 1e12 }, 'KT_OPTION_INVALID', '`maxPayload`'],
    [{ connectionString, maxPayload: '1mb' }, 'KT_OPTION_INVALID', '`maxPayload`'],
    [{ connectionString, deadline: 0 }, 'KT_DURATION_INVALID', '`deadline`'],
    [{ connectionString, tasks: 'a' }, 'KT_TASK_INVALID', '`tasks`'],
    [{ connectionString, tasks: ['a'] }, 'KT_TASK_INVALID', 'tasks[0]'],
  ]

  it.each(refused)('refuses %o', (options, code, message) => {
    expect(() => create(options)).toThrow(KongTaskError)
    expect(() => create(options)).toThrow(expect.objectContaining({ code }))
    expect(() => create(options)).toThrow(message)
  })

  it('never shows the connection string, which holds a password', () => {
    for (const text of [
      'postgres://user:s3cret@host:port/db',
      'user:s3cret@host',
      'mysql://u:s3cret@host/db',
    ]) {
      expect(() => create({ connectionString: text })).toThrow(
        expect.objectContaining({ message: expect.not.stringContaining('s3cret') }),
      )
    }
  })
})

describe('a client', () => {
  it('that was closed refuses everything and closes again without a word', async () => {
    const kong = new KongTask({ connectionString })
    await kong.close()
    await kong.close()
    await expect(kong.addJob('a')).rejects.toMatchObject({ code: 'KT_CLOSED' })
    await expect(kong.addJobs([{ task: 'a' }])).rejects.toMatchObject({ code: 'KT_CLOSED' })
    await expect(kong.migrate()).rejects.toMatchObject({ code: 'KT_CLOSED' })
  })

  it('leaves a pool that is not its own open', async () => {
    const pool = new Pool({ connectionString })
    const kong = new KongTask({ pool })
    await kong[Symbol.asyncDispose]()
    expect(pool.ended).toBe(false)
    await pool.end()
  })

  it('says that the database cannot be reached', async () => {
    await using kong = new KongTask({ connectionString })
    await expect(kong.addJob('a')).rejects.toMatchObject({ code: 'KT_DATABASE_UNAVAILABLE' })
    await expect(kong.migrate()).rejects.toMatchObject({ code: 'KT_DATABASE_UNAVAILABLE' })
  })
})
