// docs/options.md as tests: every option, given in every way that its table shows, is stored and read back the same.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import {
  defineTask,
  handle,
  KongTask,
  run,
  type AddedJob,
  type Concurrency,
  type JobOptions,
  type RateLimit,
} from 'kongtask'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { OPTION_CHECKS } from '../../src/core/job-options.ts'
import { silent } from '../journeys/journey-logger.ts'
import { root } from '../docs/snippets.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
let kong: KongTask
beforeAll(async () => {
  database = await createTestDatabase()
  kong = new KongTask({ pool: database.pool })
})
afterAll(() => database.drop())

const PAYLOAD = { n: 1 }
const DERIVED = `sha256:${createHash('sha256').update('{"n": 1}').digest('hex')}`

/** What is known of a job afterwards, by `kong.jobs.get` and by looking into the tables. */
interface Facts {
  readonly payload: unknown
  readonly state: string
  readonly queue: string
  readonly maxAttempts: number
  readonly priority: number
  readonly tags: readonly string[]
  readonly metadata: unknown
  readonly uniqueKey: string | undefined
  readonly serialKey: string | undefined
  readonly concurrency: unknown
  readonly rateLimit: unknown
  readonly flags: readonly string[]
  readonly version: number
  /** Milliseconds from its creation; or the time itself, where it was fixed. */
  readonly due: number | string
  readonly lane: number
  readonly retain_s: number
  readonly extras: unknown
  readonly serial_key: string | null
  /** The rows of unique_keys, with the milliseconds that they hold. */
  readonly held: readonly unknown[]
}

const PLAIN: Facts = {
  payload: PAYLOAD,
  state: 'ready',
  queue: 'default',
  maxAttempts: 25,
  priority: 1,
  tags: [],
  metadata: {},
  uniqueKey: undefined,
  serialKey: undefined,
  concurrency: undefined,
  rateLimit: undefined,
  flags: [],
  version: 1,
  due: 0,
  lane: 1,
  retain_s: 86_400,
  extras: null,
  serial_key: null,
  held: [],
}

interface Sample {
  readonly options: JobOptions
  readonly expected: Partial<Facts>
  /** What becomes of the same job added once more. */
  readonly again?: AddedJob['status']
}

const SAMPLES: Readonly<Record<string, Sample>> = {
  scheduledIn: { options: { scheduledIn: '1h30m' }, expected: { state: 'scheduled', due: 5_400_000 } },
  scheduledAt: {
    options: { scheduledAt: '2199-09-01T10:00:00.125+02:00' },
    expected: { state: 'scheduled', due: '2199-09-01T08:00:00.125Z' },
  },
  queue: { options: { queue: 'Mail.out:a/b-c' }, expected: { queue: 'Mail.out:a/b-c' } },
  maxAttempts: { options: { maxAttempts: 32_767 }, expected: { maxAttempts: 32_767 } },
  priority: { options: { priority: 15 }, expected: { priority: 15, lane: 15 } },
  tags: {
    options: { tags: ['b', 'a', '💌 two words', 'a'] },
    expected: { tags: ['b', 'a', '💌 two words', 'a'], extras: { tags: ['b', 'a', '💌 two words', 'a'] } },
  },
  timeout: { options: { timeout: '1m0.5s' }, expected: { extras: { timeout: 60_500 } } },
  retain: {
    options: { retain: { finished: '2h', dead: '30d', logs: false } },
    expected: { retain_s: 7_200, extras: { retain: { dead: 2_592_000_000, logs: false } } },
  },
  metadata: {
    options: { metadata: { tenant: 7, nested: [null, { x: 'ü' }] } },
    expected: {
      metadata: { tenant: 7, nested: [null, { x: 'ü' }] },
      extras: { metadata: { tenant: 7, nested: [null, { x: 'ü' }] } },
    },
  },
  uniqueKey: {
    options: { uniqueKey: 'order 7' },
    expected: {
      uniqueKey: 'order 7',
      extras: { uniqueKey: 'order 7' },
      held: [{ key: 'order 7', holds: null }],
    },
    again: 'skipped',
  },
  uniqueFor: {
    options: { uniqueFor: '10m' },
    expected: {
      uniqueKey: DERIVED,
      extras: { uniqueKey: DERIVED },
      held: [{ key: DERIVED, holds: 600_000 }],
    },
    again: 'skipped',
  },
  onConflict: {
    options: { uniqueKey: 'k', uniqueFor: 5_000, onConflict: 'replace' },
    expected: { uniqueKey: 'k', extras: { uniqueKey: 'k' }, held: [{ key: 'k', holds: 5_000 }] },
    again: 'replaced',
  },
  serialKey: {
    options: { serialKey: 'customer 7' },
    expected: { serialKey: 'customer 7', serial_key: 'customer 7', extras: { serialKey: 'customer 7' } },
  },
  concurrency: {
    options: { concurrency: { limit: 100_000, by: 'customer.id' } },
    expected: {
      concurrency: { limit: 100_000, by: 'customer.id' },
      extras: { concurrency: { limit: 100_000, by: 'customer.id' } },
    },
  },
  rateLimit: {
    options: { rateLimit: { limit: 100, per: '1m0.5s', burst: 7, key: 'crm' } },
    expected: {
      rateLimit: { limit: 100, per: 60_500, burst: 7, key: 'crm' },
      extras: { rateLimit: { limit: 100, per: 60_500, burst: 7, key: 'crm' } },
    },
  },
  flags: {
    options: { flags: ['gpu', 'eu'] },
    expected: { flags: ['gpu', 'eu'], extras: { flags: ['gpu', 'eu'] } },
  },
  version: { options: { version: 7 }, expected: { version: 7, extras: { version: 7 } } },
}

async function factsOf(id: string): Promise<Facts> {
  const job = await kong.jobs.get(id)
  const { rows } = await database.pool.query(
    `select j.lane, j.retain_s, j.extras, j.serial_key,
            (select coalesce(jsonb_agg(jsonb_build_object(
                      'key', u.key, 'holds', extract(epoch from u.until - j.created_at) * 1000)), '[]')
               from kongtask.unique_keys u where u.job_id = j.id) as held
       from kongtask.jobs j where j.id = $1`,
    [id],
  )
  if (job === undefined) throw new Error(`there is no job ${id}`)
  const { payload, state, queue, maxAttempts, priority, tags, metadata, uniqueKey, serialKey, flags } = job
  const { concurrency, rateLimit, version } = job
  const due =
    job.scheduledAt.getUTCFullYear() > 2100
      ? job.scheduledAt.toISOString()
      : job.scheduledAt.getTime() - job.createdAt.getTime()
  return {
    payload,
    state,
    queue,
    maxAttempts,
    priority,
    tags,
    metadata,
    uniqueKey,
    serialKey,
    concurrency,
    rateLimit,
    flags,
    version,
    due,
    ...rows[0],
  }
}

/** Options as SQL takes them. */
const json = (value: unknown): string => JSON.stringify(value)

async function sql(text: string, values: readonly string[]): Promise<AddedJob> {
  const { rows } = await database.pool.query<AddedJob>(text, [...values])
  const [added] = rows
  if (added === undefined) throw new Error('nothing was added')
  return added
}

type Add = (task: string, options: JobOptions) => Promise<AddedJob>

/** By the heads of the table's columns. */
const WAYS: Readonly<Record<string, Add>> = {
  // A runner has published the task with these options; see below.
  'task default': (task) => kong.addJob(task, PAYLOAD),
  'call with a contract': (task, options) => kong.addJob(defineTask(task), PAYLOAD, options),
  'bulk (`addJobs`)': async (task, options) => {
    const contract = defineTask(task)
    const [, added] = await kong.addJobs([
      { task: 'bystander' },
      { task: contract, payload: PAYLOAD, ...options },
    ])
    if (added === undefined) throw new Error('nothing was added')
    return added
  },
  'by name': (task, options) => kong.addJob(task, PAYLOAD, options),
  'SQL `add_job`': (task, options) =>
    sql('select * from kongtask.add_job($1, $2, $3)', [task, json(PAYLOAD), json(options)]),
  'SQL `add_jobs`': (task, options) =>
    sql('select id, status from kongtask.add_jobs($1) where ordinal = 2', [
      json([{ task: 'bystander' }, { task, payload: PAYLOAD, ...options }]),
    ]),
}

/** Of a table of the page: its heads, and its rows by option. */
function table(number: number): { heads: string[]; rows: Map<string, string[]> } {
  const page = readFileSync(`${root}docs/options.md`, 'utf8')
  const tables = [...page.matchAll(/(?:^\|.*\|\n)+/gm)].map(([text]) => text.trim().split('\n'))
  const [heads = [], , ...rows] = (tables[number] ?? []).map((line) =>
    line
      .slice(1, -1)
      .split(' | ')
      .map((cell) => cell.trim().replace(/^\| /, '')),
  )
  return { heads, rows: new Map(rows.map(([option = '', ...cells]) => [option.replaceAll('`', ''), cells])) }
}

const matrix = table(1)

describe('the tables of docs/options.md', () => {
  it('have a row for each option, and no others', () => {
    const options = Object.keys(OPTION_CHECKS).toSorted()
    expect([...table(0).rows.keys()].toSorted()).toEqual(options)
    expect([...matrix.rows.keys()].toSorted()).toEqual(options)
    expect(Object.keys(SAMPLES).toSorted()).toEqual(options)
  })

  it('have a column for each way of adding, and every cell says yes, own or refused', () => {
    expect(matrix.heads).toEqual(['option', ...Object.keys(WAYS)])
    for (const cells of matrix.rows.values()) {
      expect(cells).toHaveLength(matrix.heads.length - 1)
      for (const cell of cells) expect(['yes', 'own', 'refused']).toContain(cell)
    }
  })
})

const cells = [...matrix.rows].flatMap(([option, row]) =>
  row.map((cell, n) => ({ option, way: matrix.heads[n + 1] ?? '', cell })),
)
const nameOf = (option: string, way: string): string => `${option}.${way.replaceAll(/[^a-z_]/gi, '-')}`

describe('an option', () => {
  beforeAll(async () => {
    const tasks = cells
      .filter(({ way, cell }) => way === 'task default' && cell === 'yes')
      .map(({ option, way }) =>
        handle(defineTask(nameOf(option, way), SAMPLES[option]?.options ?? {}), () => undefined),
      )
    // It serves another queue, so that the jobs stay.
    const { pool } = database
    const runner = await run({ pool, tasks, queues: { idle: 1 }, logger: silent, migrate: false })
    await runner.stop()
  })

  it.each(cells.filter(({ cell }) => cell === 'yes'))(
    '$option, $way: is stored and read back as given',
    async ({ option, way }) => {
      const { options, expected, again = 'added' } = SAMPLES[option] ?? { options: {}, expected: {} }
      const add = WAYS[way]
      if (add === undefined) throw new Error(`no way of adding is called ${way}`)
      const { id, status } = await add(nameOf(option, way), options)
      expect(status).toBe('added')
      expect(await factsOf(id)).toEqual({ ...PLAIN, ...expected })
      expect(await add(nameOf(option, way), options)).toMatchObject({
        status: again,
        ...(again === 'added' ? {} : { id }),
      })
    },
  )

  const refused = cells.filter(({ cell }) => cell === 'refused')
  it.each(refused.filter(({ way }) => way === 'task default'))('$option, $way: is refused', ({ option }) => {
    const options = SAMPLES[option]?.options
    expect(() => Reflect.apply(defineTask, undefined, ['refused', options])).toThrow(
      expect.objectContaining({ code: 'KT_OPTION_UNKNOWN' }),
    )
  })

  it.each(refused.filter(({ way }) => way !== 'task default'))('$option, $way: is refused', async (cell) => {
    const added = WAYS[cell.way]?.('refused', SAMPLES[cell.option]?.options ?? {})
    await expect(added).rejects.toMatchObject({ code: 'KT_OPTION_INVALID' })
  })

  it.each(cells.filter(({ cell }) => cell === 'own'))(
    '$option, $way: counts with the contract, and is not published',
    async ({ option }) => {
      const { options = {}, expected = {} } = SAMPLES[option] ?? {}
      const task = defineTask(`${option}.own`, options)
      const runner = await run({
        pool: database.pool,
        tasks: [handle(task, () => undefined)],
        queues: { idle: 1 },
        logger: silent,
        migrate: false,
      })
      await runner.stop()
      expect(await factsOf((await kong.addJob(task, PAYLOAD)).id)).toEqual({ ...PLAIN, ...expected })
      expect(await factsOf((await kong.addJob(task.name, PAYLOAD)).id)).toEqual(PLAIN)
    },
  )

  it.each(Object.keys(SAMPLES).filter((option) => option !== 'scheduledAt'))(
    '%s, as a default of the contract at hand: is stored and read back as given',
    async (option) => {
      const { options, expected } = SAMPLES[option] ?? { options: {}, expected: {} }
      const { scheduledAt: _, ...defaults } = options
      const task = defineTask(`${option}.at-hand`, defaults)
      expect(await factsOf((await kong.addJob(task, PAYLOAD)).id)).toEqual({ ...PLAIN, ...expected })
    },
  )
})

const CONCURRENCIES: readonly Concurrency[] = [
  1,
  { limit: 3 },
  { limit: 1, key: 'ä b' },
  { limit: 1, by: 'n' },
]
const RATES: readonly RateLimit[] = [
  { limit: 1, per: 1 },
  { limit: 1_000_000, per: '36525d', burst: 1_000_000 },
  { limit: 5, per: '1s', by: 'a.0.b c' },
]

describe('a limit', () => {
  it.each(CONCURRENCIES)(
    'of concurrency, %j, is stored in the same form whichever way it is given',
    async (given) => {
      const expected = typeof given === 'number' ? { limit: given } : given
      for (const add of Object.values(WAYS).slice(1)) {
        const { id } = await add('limited', { concurrency: given })
        expect(await factsOf(id)).toMatchObject({
          concurrency: expected,
          rateLimit: undefined,
          extras: { concurrency: expected },
        })
      }
    },
  )

  it.each(RATES)('of a rate, %j, is stored in the same form whichever way it is given', async (given) => {
    const expected = {
      ...given,
      per: given.per === '36525d' ? 3_155_760_000_000 : given.per === '1s' ? 1_000 : 1,
    }
    for (const add of Object.values(WAYS).slice(1)) {
      const { id } = await add('limited', { rateLimit: given })
      expect(await factsOf(id)).toMatchObject({ rateLimit: expected, extras: { rateLimit: expected } })
    }
  })

  it('is known to the handler, and to what is left of the job', async () => {
    const limits = { concurrency: 2, rateLimit: { limit: 5, per: '1s', by: 'tenant' } }
    const expected = { concurrency: { limit: 2 }, rateLimit: { limit: 5, per: 1_000, by: 'tenant' } }
    const seen: unknown[] = []
    const handler = handle(defineTask('knowing', { ...limits, queue: 'knowing' }), (_, { job }) => {
      seen.push({ concurrency: job.concurrency, rateLimit: job.rateLimit })
    })
    const { pool } = database
    const runner = await run({
      pool,
      tasks: [handler],
      queues: { knowing: 1 },
      logger: silent,
      migrate: false,
    })
    const { id } = await kong.addJob('knowing', PAYLOAD)
    await kong.jobs.result(id)
    await runner.stop()
    expect(seen).toEqual([expected])
    expect(await kong.jobs.get(id)).toMatchObject({ state: 'completed', ...expected })
  })
})

const RETENTIONS: readonly (readonly [retain: JobOptions['retain'], expected: Partial<Facts>])[] = [
  ['2h', { retain_s: 7_200 }],
  [false, { retain_s: 0 }],
  [0, { retain_s: 0 }],
  [{}, {}],
  [{ finished: false }, { retain_s: 0 }],
  [{ finished: '36525d' }, { retain_s: 2_147_483_647 }],
  [{ dead: 1 }, { extras: { retain: { dead: 1 } } }],
  [{ dead: '36525d', logs: '1m0.5s' }, { extras: { retain: { dead: 3_155_760_000_000, logs: 60_500 } } }],
]

describe('how long things are kept', () => {
  it.each(RETENTIONS)(
    '%j: is stored in the same form whichever way it is given',
    async (retain, expected) => {
      const contract = defineTask('kept-by-contract', { retain })
      expect(await factsOf((await kong.addJob(contract, PAYLOAD)).id)).toEqual({ ...PLAIN, ...expected })
      await publish([handle(defineTask('kept-as-published', { retain }), noop)])
      expect(await factsOf((await kong.addJob('kept-as-published', PAYLOAD)).id)).toEqual({
        ...PLAIN,
        ...expected,
      })
      for (const [way, add] of Object.entries(WAYS).slice(1)) {
        const { id } = await add('kept', { retain })
        expect(await factsOf(id), way).toEqual({ ...PLAIN, ...expected })
      }
    },
  )

  it('is merged with the default of the task, member by member, whichever way it is given', async () => {
    const contract = defineTask('merging', { retain: { finished: '1h', dead: '1d' } })
    await publish([handle(contract, noop)])
    const cases: readonly (readonly [JobOptions, Partial<Facts>])[] = [
      [{}, { retain_s: 3_600, extras: { retain: { dead: 86_400_000 } } }],
      [{ retain: {} }, { retain_s: 3_600, extras: { retain: { dead: 86_400_000 } } }],
      [{ retain: { dead: '2d' } }, { retain_s: 3_600, extras: { retain: { dead: 172_800_000 } } }],
      [{ retain: false }, { retain_s: 0, extras: { retain: { dead: 86_400_000 } } }],
      [
        { retain: { logs: '1s' } },
        { retain_s: 3_600, extras: { retain: { dead: 86_400_000, logs: 1_000 } } },
      ],
    ]
    for (const [options, expected] of cases) {
      const ways: Record<string, Add> = {
        ...Object.fromEntries(Object.entries(WAYS).filter(([way]) => !/contract|bulk|default/.test(way))),
        'call with a contract': (_, given) => kong.addJob(contract, PAYLOAD, given),
      }
      expect(Object.keys(ways)).toHaveLength(4)
      for (const [way, add] of Object.entries(ways)) {
        const { id } = await add('merging', options)
        expect(await factsOf(id), way).toEqual({ ...PLAIN, ...expected })
      }
    }
  })
})

/** Starts and stops a runner, which publishes its tasks. */
async function publish(tasks: Parameters<typeof run>[0]['tasks']): Promise<void> {
  const { pool } = database
  const runner = await run({ pool, tasks, queues: { idle: 1 }, logger: silent, migrate: false })
  await runner.stop()
}

const noop = (): void => undefined

describe('which value counts', () => {
  it('by name, in a bulk and from SQL: the published default, and over it what the call says', async () => {
    await publish([
      handle(defineTask('published', { priority: 5, tags: ['a'], metadata: { a: 1 }, retain: false }), noop),
    ])
    const task = 'published'
    const asPublished = {
      ...PLAIN,
      priority: 5,
      lane: 5,
      retain_s: 0,
      tags: ['a'],
      metadata: { a: 1 },
      extras: { tags: ['a'], metadata: { a: 1 } },
    }
    for (const way of ['by name', 'SQL `add_job`', 'SQL `add_jobs`']) {
      const add = WAYS[way] ?? WAYS['by name']
      expect(await factsOf((await add?.(task, {}))?.id ?? ''), way).toEqual(asPublished)
      const options = { priority: 0, tags: [], retain: '1s' }
      expect(await factsOf((await add?.(task, options))?.id ?? ''), way).toEqual({
        ...asPublished,
        priority: 0,
        lane: 0,
        retain_s: 1,
        tags: [],
        extras: { tags: [], metadata: { a: 1 } },
      })
    }
  })

  it('with the contract at hand: its own defaults, and nothing of what was published', async () => {
    await publish([handle(defineTask('newer', { priority: 5, queue: 'slow', tags: ['old'] }), noop)])
    const atHand = defineTask('newer', { priority: 3 })
    const expected = { ...PLAIN, priority: 3, lane: 3 }
    expect(await factsOf((await kong.addJob(atHand, PAYLOAD)).id)).toEqual(expected)
    const bulk = await kong.addJobs([
      { task: atHand, payload: PAYLOAD },
      { task: 'newer', payload: PAYLOAD },
    ])
    expect(await factsOf(bulk[0]?.id ?? '')).toEqual(expected)
    expect(await factsOf(bulk[1]?.id ?? '')).toMatchObject({ priority: 5, queue: 'slow', tags: ['old'] })
    expect(await factsOf((await kong.addJob(defineTask('newer'), PAYLOAD)).id)).toEqual(PLAIN)
  })

  it('a runner replaces what another published; one with a plain function leaves it as it is', async () => {
    await publish([handle(defineTask('evolving', { priority: 5, queue: 'slow' }), noop)])
    await publish([handle(defineTask('evolving', { priority: 6 }), noop)])
    expect(await factsOf((await kong.addJob('evolving', PAYLOAD)).id)).toEqual({
      ...PLAIN,
      priority: 6,
      lane: 6,
    })
    await publish({ evolving: noop })
    await publish([{ name: 'evolving', handle: noop }])
    expect(await factsOf((await kong.addJob('evolving', PAYLOAD)).id)).toMatchObject({ priority: 6 })
    await publish([handle(defineTask('evolving'), noop)])
    expect(await factsOf((await kong.addJob('evolving', PAYLOAD)).id)).toEqual(PLAIN)
  })

  it.each(['by name', 'call with a contract', 'SQL `add_job`', 'SQL `add_jobs`'])(
    'a time of the call takes the place of a default delay: %s',
    async (way) => {
      const task = `delayed.${way.replaceAll(/\W/g, '-')}`
      const contract = defineTask(task, { scheduledIn: '1h' })
      await publish([handle(contract, noop)])
      const scheduledAt = '2199-01-01T00:00:00.000Z'
      const added =
        way === 'call with a contract'
          ? await kong.addJob(contract, PAYLOAD, { scheduledAt })
          : await WAYS[way]?.(task, { scheduledAt })
      expect(await factsOf(added?.id ?? '')).toMatchObject({ due: scheduledAt })
      const past =
        way === 'call with a contract'
          ? await kong.addJob(contract, PAYLOAD, { scheduledAt: new Date(0) })
          : await WAYS[way]?.(task, { scheduledAt: '1970-01-01T00:00:00Z' })
      expect(await factsOf(past?.id ?? '')).toMatchObject({ due: 0, state: 'ready' })
    },
  )

  it('onConflict of a call may lean on a key that is the default, and is refused where there is none', async () => {
    const keyed = defineTask('keyed', { uniqueKey: 'k' })
    await publish([handle(keyed, noop)])
    const { id } = await kong.addJob('keyed', PAYLOAD)
    for (const way of ['by name', 'SQL `add_job`', 'SQL `add_jobs`'])
      expect(await WAYS[way]?.('keyed', { onConflict: 'replace' })).toEqual({ id, status: 'replaced' })
    expect(await kong.addJob(keyed, PAYLOAD, { onConflict: 'replace' })).toEqual({ id, status: 'replaced' })
    for (const way of ['by name', 'call with a contract', 'bulk (`addJobs`)'])
      await expect(WAYS[way]?.('keyless', { onConflict: 'replace' }), way).rejects.toMatchObject({
        code: 'KT_OPTION_INVALID',
      })
    for (const way of ['SQL `add_job`', 'SQL `add_jobs`'])
      await expect(WAYS[way]?.('keyless', { onConflict: 'replace' }), way).rejects.toThrow(
        /^KT_OPTION_INVALID: (add_jobs, entry 1: )?`onConflict`/,
      )
  })

  it('two runners that start at once with other defaults both get through, and one of them is the last', async () => {
    const names = Array.from({ length: 20 }, (_, n) => `both-${n}`)
    for (let round = 0; round < 5; round++) {
      const tasksOf = (priority: number, order: readonly string[]) =>
        order.map((name) => handle(defineTask(name, { priority }), noop))
      await Promise.all([publish(tasksOf(round, names)), publish(tasksOf(round + 6, names.toReversed()))])
      const { rows } = await database.pool.query(
        `select distinct defaults from kongtask.tasks where name like 'both-%'`,
      )
      expect([[{ defaults: { priority: round } }], [{ defaults: { priority: round + 6 } }]]).toContainEqual(
        rows,
      )
    }
  })
})
