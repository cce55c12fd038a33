import { KongTask } from 'kongtask'
import type { PoolClient } from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { catalogue } from '../../src/core/error-catalogue.ts'
import { OPTION_CHECKS } from '../../src/core/job-options.ts'
import { badInputs, type Passed } from '../client/bad-inputs.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())
beforeEach(() => database.pool.query('truncate kongtask.jobs, kongtask.unique_keys, kongtask.serial_keys'))

type Row = Record<string, unknown>

async function query(text: string, values: readonly unknown[] = []): Promise<Row[]> {
  return (await database.pool.query<Row>(text, [...values])).rows
}

async function jobs(): Promise<Row[]> {
  return query(
    `select t.name as task, q.name as queue, j.payload, j.lane, j.max_attempts, j.retain_s, j.extras
       from kongtask.jobs j join kongtask.tasks t on t.id = j.task_id join kongtask.queues q on q.id = j.queue_id
      order by j.id`,
  )
}

const PLAIN = { queue: 'default', payload: {}, lane: 1, max_attempts: 25, retain_s: 86_400, extras: null }

/** What PostgreSQL says, as somebody sees it who does not know of KongTask. */
interface Refusal {
  readonly sqlstate: string
  readonly code: string
  readonly message: string
}

async function refusal(text: string, values: readonly unknown[] = []): Promise<Refusal> {
  try {
    await query(text, values)
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error)) throw error
    const [, code = ''] = /^(KT_[A-Z_]+): /.exec(error.message) ?? []
    return { sqlstate: String(error.code), code, message: error.message }
  }
  throw new Error(`not refused: ${text}`)
}

describe('the signatures', () => {
  it('are what they were when they were first published', async () => {
    expect(
      await query(
        `select proname as name, pg_get_function_arguments(oid) as takes, pg_get_function_result(oid) as returns, prosecdef
           from pg_proc where pronamespace = 'kongtask'::regnamespace and proname in ('add_job', 'add_jobs') order by 1`,
      ),
    ).toEqual([
      {
        name: 'add_job',
        takes: `task text, payload jsonb DEFAULT '{}'::jsonb, options jsonb DEFAULT '{}'::jsonb`,
        returns: 'TABLE(id text, status text)',
        prosecdef: true,
      },
      {
        name: 'add_jobs',
        takes: 'jobs jsonb',
        returns: 'TABLE(ordinal bigint, id text, status text)',
        prosecdef: true,
      },
    ])
  })

  it('know the options that TypeScript knows, in its order', async () => {
    const { message } = await refusal(`select kongtask.add_job('a', '{}', '{"nonsense": 1}')`)
    expect(message).toContain(`Known options: ${Object.keys(OPTION_CHECKS).join(', ')}.`)
  })
})

describe('add_job', () => {
  it('has defaults for everything but the task', async () => {
    await query(`select kongtask.add_job('a')`)
    await query(`select kongtask.add_job('a', null, null)`)
    await query(`select * from kongtask.add_job(task => 'a', options => '{"priority": 2}')`)
    expect(await jobs()).toEqual([
      { task: 'a', ...PLAIN },
      { task: 'a', ...PLAIN },
      { task: 'a', ...PLAIN, lane: 2 },
    ])
  })

  it.each(['null', '5', '"x"', '[1, {}]', '{"a": {"b": null}}'])('takes the payload %s', async (payload) => {
    await query(`select kongtask.add_job('a', $1)`, [payload])
    expect(await jobs()).toEqual([{ task: 'a', ...PLAIN, payload: JSON.parse(payload) }])
  })

  it('answers the id as kong.jobs.get takes it, and what became of the job', async () => {
    const add = `select * from kongtask.add_job('a', '{}', '{"uniqueKey": "k", "onConflict": "replace"}')`
    const [first] = await query(add)
    expect(first).toEqual({ id: expect.stringMatching(/^\d+$/), status: 'added' })
    expect(await query(add)).toEqual([{ id: first?.['id'], status: 'replaced' }])
    expect(await query(`select * from kongtask.add_job('a', '{}', '{"uniqueKey": "k"}')`)).toEqual([
      { id: first?.['id'], status: 'skipped' },
    ])
    const kong = new KongTask({ pool: database.pool })
    expect(await kong.jobs.get(String(first?.['id']))).toMatchObject({ task: 'a', uniqueKey: 'k' })
  })

  it('adds a job for each row of a query', async () => {
    await query(
      `select added.status from generate_series(1, 3) n, kongtask.add_job('a', jsonb_build_object('n', n)) as added`,
    )
    expect((await jobs()).map(({ payload }) => payload)).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }])
  })

  it('understands time as TypeScript does, whatever the session is set to', async () => {
    for (const timezone of ['UTC', 'America/New_York', 'Asia/Kathmandu']) {
      const client = await database.pool.connect()
      await client.query('begin')
      await client.query(`set local timezone = '${timezone}'`)
      await client.query(`set local datestyle = 'SQL, DMY'`)
      await client.query(`set local intervalstyle = 'sql_standard'`)
      await client.query(`set local extra_float_digits = -15`)
      await client.query(
        `select * from kongtask.add_jobs('[
           {"task": "a", "scheduledAt": "2199-03-04T05:06:07.8999999+02:00"},
           {"task": "a", "scheduledAt": "9999-12-31 23:59:59,999z"}]')`,
      )
      const added = await client.query(
        'select extract(epoch from run_at)::numeric(20, 6)::text as due from kongtask.jobs order by id',
      )
      await client.query('rollback')
      client.release()
      expect(added.rows, timezone).toEqual([
        { due: `${Date.parse('2199-03-04T03:06:07.899Z') / 1_000}000` },
        { due: `${Date.parse('9999-12-31T23:59:59.999Z') / 1_000}000` },
      ])
    }
  })
})

describe('add_jobs', () => {
  it('answers a row for each entry, in order', async () => {
    const rows = await query(
      `select ordinal::int, status, payload from kongtask.add_jobs($1) as added
         left join kongtask.jobs j on false`,
      [
        JSON.stringify([
          { task: 'b' },
          { task: 'a', uniqueKey: 'k' },
          { task: 'a', uniqueKey: 'k' },
          { task: 'b' },
        ]),
      ],
    )
    expect(rows.map(({ ordinal, status }) => [ordinal, status])).toEqual([
      [1, 'added'],
      [2, 'added'],
      [3, 'skipped'],
      [4, 'added'],
    ])
    expect((await jobs()).map(({ task }) => task)).toEqual(['b', 'a', 'b'])
  })

  it('takes an empty list', async () => {
    expect(await query(`select * from kongtask.add_jobs('[]')`)).toEqual([])
  })

  it('takes ten thousand of many kinds at once', async () => {
    const many = Array.from({ length: 10_000 }, (_, n) => ({
      task: `task-${n % 7}`,
      payload: { n },
      priority: n % 5,
    }))
    const rows = await query('select id from kongtask.add_jobs($1) order by ordinal', [JSON.stringify(many)])
    expect(rows).toHaveLength(10_000)
    expect((await jobs()).map(({ task, payload, lane }) => ({ task, payload, priority: lane }))).toEqual(many)
  })

  it('adds all or none, and names the first entry that is wrong, from 0', async () => {
    const entries: unknown[] = Array.from({ length: 2_000 }, () => ({ task: 'a', payload: { x: 1 } }))
    entries[1_200] = { task: 'a', priority: 99 }
    entries[1_300] = 'a'
    entries[1_100] = { task: 'a', payload: 'x'.repeat(1024 * 1024) }
    const add = (): Promise<Refusal> =>
      refusal('select * from kongtask.add_jobs($1)', [JSON.stringify(entries)])
    expect(await add()).toMatchObject({
      sqlstate: 'KT001',
      message: expect.stringMatching(/^KT_PAYLOAD_TOO_LARGE: add_jobs, entry 1100: The payload is larger/),
    })
    entries[1_100] = { task: 'a' }
    expect((await add()).message).toMatch(/^KT_OPTION_INVALID: add_jobs, entry 1200: `priority`/)
    entries[1_200] = { task: 'a' }
    expect((await add()).message).toMatch(/^KT_ENTRY_INVALID: add_jobs, entry 1300: an entry must be/)
    entries[1_300] = { task: 'a', onConflict: 'replace' }
    expect((await add()).message).toMatch(/^KT_OPTION_INVALID: add_jobs, entry 1300: `onConflict`/)
    expect(await jobs()).toEqual([])
  })
})

describe('limits', () => {
  const payloadOf = (bytes: number): string => JSON.stringify('x'.repeat(bytes - 2))

  it('of payloads are those of settings, which say what to do', async () => {
    await query(`select kongtask.add_job('a', $1)`, [payloadOf(1024 * 1024)])
    expect(await refusal(`select kongtask.add_job('a', $1)`, [payloadOf(1024 * 1024 + 1)])).toMatchObject({
      sqlstate: 'KT001',
      code: 'KT_PAYLOAD_TOO_LARGE',
      message: expect.stringContaining(
        'larger than 1048576 bytes as JSON. Store the data elsewhere and pass a reference, or raise max_payload in the table settings.',
      ),
    })
    await query('update kongtask.settings set max_payload = 100')
    await query(`select kongtask.add_job('a', $1)`, [payloadOf(100)])
    expect((await refusal(`select kongtask.add_job('a', $1)`, [payloadOf(101)])).message).toContain(
      '100 bytes',
    )
    expect(
      (await refusal(`select kongtask.add_jobs($1)`, [`[{"task": "a", "payload": ${payloadOf(101)}}]`]))
        .message,
    ).toMatch(/entry 0: The payload is larger than 100 bytes/)
    await query('update kongtask.settings set max_payload = default')
  })

  it('of settings are kept by the table: one row, and a limit that makes sense', async () => {
    await expect(query('update kongtask.settings set max_payload = 0')).rejects.toMatchObject({
      code: '23514',
    })
    await expect(query('update kongtask.settings set max_payload = null')).rejects.toMatchObject({
      code: '23502',
    })
    await expect(query('insert into kongtask.settings default values')).rejects.toMatchObject({
      code: '23505',
    })
  })

  it('count JSON without spaces, and numbers as JavaScript writes them', async () => {
    const size = async (value: unknown): Promise<unknown> =>
      (await query('select kongtask.json_size($1)::int as size', [JSON.stringify(value)]))[0]?.['size']
    const values = [
      {},
      [],
      '',
      { a: [1, 'x, y: z', { 'k e y': null }], b: true },
      [1e21, 1e22, 1.5e300, 1e-7, 1.25e-7, 5e-324, 1e-10, 0.000001, 123456789012345680000, -1e30, 10.0000001],
      ['\\', '"', '\n', '\u0001', 'ü', '💌', String.raw`\" 0.0000001 , : 1e21`],
    ]
    for (const value of values)
      expect(await size(value), JSON.stringify(value)).toBe(Buffer.byteLength(JSON.stringify(value)))
  })

  it('of metadata are 16 KiB', async () => {
    const add = (bytes: number): [string, unknown[]] => [
      `select kongtask.add_job('a', '{}', $1)`,
      [JSON.stringify({ metadata: { a: 'x'.repeat(bytes - 8) } })],
    ]
    await query(...add(16_384))
    expect(await refusal(...add(16_385))).toMatchObject({
      code: 'KT_OPTION_INVALID',
      message: expect.stringContaining('at most 16384 bytes'),
    })
  })

  it('of nesting are a thousand levels, however deep it is', async () => {
    const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels)
    await query(`select kongtask.add_job('a', $1, '{"uniqueFor": "1m"}')`, [nested(1_000)])
    for (const levels of [1_001, 5_000]) {
      expect(await refusal(`select kongtask.add_job('a', $1)`, [nested(levels)])).toMatchObject({
        code: 'KT_PAYLOAD_NOT_JSON',
      })
    }
  })
})

describe('a derived key', () => {
  const add = async (payload: string): Promise<unknown> =>
    (await query(`select status from kongtask.add_job('a', $1, '{"uniqueFor": "1h"}')`, [payload]))[0]?.[
      'status'
    ]

  it('is the same for equal values, however they were written', async () => {
    const deep = '{"a":'.repeat(900) + '1.50' + '}'.repeat(900)
    const same = [
      ['{"a": 1, "b": [1.0, "1.0"]}', '{"b":[1,"1.0"],"a":1.00}', '{"a":1e0,"b":[10e-1,"1.0"]}'],
      ['1.50', '1.5', '15e-1'],
      ['-0.0', '0', '0.000'],
      ['100', '1e2', '100.0'],
      [deep, deep.replace('1.50', '1.5')],
    ]
    for (const [first = '', ...others] of same) {
      expect(await add(first)).toBe('added')
      for (const other of others) expect(await add(other), other.slice(0, 50)).toBe('skipped')
    }
  })

  it('is another for other values', async () => {
    for (const payload of [
      '1',
      '10',
      '"1"',
      '"1.0"',
      '"1.00"',
      '[1]',
      '[10]',
      '1.01',
      '1.001',
      '{"1.0": 1}',
      '{"1": 1}',
      'null',
      '{}',
    ])
      expect(await add(payload), payload).toBe('added')
  })
})

describe("a trigger on a user's table", () => {
  it('adds in the transaction of the statement, and takes it down with what is refused', async () => {
    await query('create table signups (email text, priority int default 1)')
    await query(`create function signed_up() returns trigger language plpgsql as $$
      begin
        perform kongtask.add_job('welcome', jsonb_build_object('email', new.email), jsonb_build_object('priority', new.priority));
        return new;
      end $$`)
    await query('create trigger signed_up after insert on signups for each row execute function signed_up()')
    await query(`insert into signups values ('ada'), ('bob')`)
    expect((await jobs()).map(({ payload }) => payload)).toEqual([{ email: 'ada' }, { email: 'bob' }])

    expect(await refusal(`insert into signups values ('carl', 1), ('dora', 99)`)).toMatchObject({
      sqlstate: 'KT001',
      code: 'KT_OPTION_INVALID',
    })
    const client: PoolClient = await database.pool.connect()
    await client.query('begin')
    await client.query(`insert into signups values ('eve')`)
    await client.query('rollback')
    client.release()
    expect(await query('select email from signups')).toEqual([{ email: 'ada' }, { email: 'bob' }])
    expect(await jobs()).toHaveLength(2)
  })
})

/** JSON text of an argument; undefined where the value cannot be said in JSON, so that SQL cannot be told the same. */
function json(value: unknown): string | undefined {
  if (!isJson(value)) return undefined
  const text = JSON.stringify(value)
  return /\\u0000|\\ud[89a-f]/.test(text) ? undefined : text
}

function isJson(value: unknown, depth = 0): boolean {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true
  if (typeof value === 'number') return Number.isFinite(value)
  if (typeof value !== 'object' || depth > 3_000) return false
  if (value instanceof Date) return !Number.isNaN(value.getTime())
  try {
    if (!Array.isArray(value) && Object.getPrototypeOf(value) !== Object.prototype) return false
    // By index, to meet holes.
    const items: unknown[] = Array.isArray(value) ? Array.from(value) : Object.values(value)
    return items.every((item) => isJson(item, depth + 1))
  } catch {
    return false
  }
}

/** The same call in SQL; undefined where there is none. */
function inSql({ call, args }: Passed): readonly [text: string, values: readonly unknown[]] | undefined {
  if (call === 'addJobs') {
    const entries = json(args[0])
    return entries === undefined ? undefined : ['select * from kongtask.add_jobs($1)', [entries]]
  }
  const [task = null, payload = {}, options = {}] = args
  if (task !== null && (typeof task !== 'string' || task.includes('\0'))) return undefined
  const [a, b] = [json(payload), json(options)]
  return a === undefined || b === undefined
    ? undefined
    : ['select * from kongtask.add_job($1, $2, $3)', [task, a, b]]
}

const mistakes = badInputs.flatMap(({ name, code, passed }) => {
  const asSql = passed === undefined ? undefined : inSql(passed)
  return asSql === undefined ? [] : [{ name, code, asSql }]
})

describe('a mistake', () => {
  it('is tried a hundred times', () => {
    expect(mistakes.length).toBeGreaterThan(90)
    expect(new Set(mistakes.map(({ code }) => code)).size).toBeGreaterThan(7)
  })

  it.each(mistakes)(
    'gets the code that it gets in TypeScript: $name',
    async ({ code, asSql: [text, values] }) => {
      const refused = await refusal(text, values)
      expect(refused).toMatchObject({ sqlstate: 'KT001', code })
      expect(Object.keys(catalogue)).toContain(refused.code)
      expect(refused.message).not.toContain('\n')
      expect(refused.message.length).toBeLessThan(500)
      expect(await jobs()).toEqual([])
    },
  )
})
