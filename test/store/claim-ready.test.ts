// Claims that are no surveys. Of plain jobs they are one statement, and bring what careful ones bring; where something is
// special they leave all as it was to a careful one.
import { isDeepStrictEqual } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import type { Claimed, ClaimedJob, ClaimRequest } from '../../src/store/claim-jobs.ts'
import type { Database } from '../../src/store/database.ts'
import { pgDatabase } from '../../src/store/pg-database.ts'
import { createStore, type Store } from '../../src/store/store.ts'
import { first, newJob, useStore, type FixtureJob, type FixtureWorker, type Session } from './fixture.ts'
import { completed, Connections, settle } from './keyed.ts'

const db = useStore()
const connections = new Connections(db)
afterEach(() => connections.close())

const idsOf = (jobs: readonly { readonly id: string }[]): string[] => jobs.map(({ id }) => id)
const sorted = (ids: readonly unknown[]): string[] => ids.map(String).toSorted()
const many = (count: number, job: FixtureJob = {}): FixtureJob[] => Array.from({ length: count }, () => job)

let claims = 0

/** What is no survey, of all queues and tasks unless something else is said. */
async function claim(
  worker: FixtureWorker,
  asked: Partial<ClaimRequest> = {},
  store: Store = db.store,
): Promise<Claimed> {
  claims += 1
  const request = { queues: 'all', total: 100, tasks: await db.tasks(), isSurvey: false } as const
  return store.claimJobs({ ...worker.registration, claim: claims, ...request, ...asked })
}

/** The functions that a claim calls, in their order. */
async function callsOf(act: (store: Store) => Promise<unknown>): Promise<string[]> {
  const calls: string[] = []
  const database = pgDatabase(db.database.pool, 20_000)
  const watched: Database = {
    query: (text, values, name) => database.query(text, values, name),
    script: (text) => database.script(text),
    transaction: (work) => database.transaction(work),
    longTransaction: (work, signal) => database.longTransaction(work, signal),
    queryText: (text, values, name) => {
      calls.push(...(/claim_\w+/.exec(text) ?? []))
      return database.queryText(text, values, name)
    },
  }
  await act(createStore(watched, 'kongtask'))
  return calls
}

/** The number of the queue. */
async function queue(name: string): Promise<number> {
  const number = (await db.queues()).get(name)
  if (number === undefined) throw new Error(`there is no queue ${name}`)
  return number
}

/** What a claim answered, and what it left in the tables, less what no two claims have in common. */
interface Trace {
  readonly jobs: readonly Omit<ClaimedJob, 'place'>[]
  readonly dry: boolean
  readonly nextDueIn: number | undefined
  readonly paused: readonly number[]
  readonly ends: readonly unknown[]
  readonly hasNumber: boolean
  readonly rows: unknown
  readonly ledger: unknown
}

/** A claim that is rolled back. */
async function traced(worker: FixtureWorker, asked: Partial<ClaimRequest>): Promise<Trace> {
  const session = await db.session()
  const request = { queues: 'all', total: 100, tasks: await db.tasks(), isSurvey: false } as const
  await session.query('begin')
  const claimed = await session.store.claimJobs({ ...worker.registration, claim: 7, ...request, ...asked })
  expect(claimed.wasSpecial).toBeUndefined()
  const { jobs, dry, nextDueIn, end } = claimed
  const trace: Trace = {
    jobs: jobs.map(({ place: _, ...job }) => job),
    dry,
    nextDueIn,
    paused: end.paused,
    ends: end.ends.toSorted((a, b) => a.queue - b.queue),
    hasNumber: end.time.xid !== undefined,
    rows: await session.query('select to_jsonb(j) as job from kongtask.jobs j order by id'),
    ledger: await session.query(
      `select worker, claim, queue_id, limited_ids, limited_gates,
              array(select unnest(ids) as id order by id)::text[] as ids
         from kongtask.claims order by queue_id`,
    ),
  }
  await session.query('rollback')
  return trace
}

/** The same claim at once and with care, of the same tables. */
async function both(
  worker: FixtureWorker,
  asked: Partial<ClaimRequest> = {},
): Promise<{ readonly atOnce: Trace; readonly careful: Trace }> {
  const calls = await callsOf((store) => claim(worker, { ...asked, total: 0 }, store))
  expect(calls).toEqual(['claim_ready'])
  const atOnce = await traced(worker, asked)
  const careful = await traced(worker, { ...asked, isSurvey: true })
  return { atOnce, careful }
}

/** Jobs of every kind that is plain, of two queues and of several tasks, priorities and due times. */
async function addPlain(): Promise<string[]> {
  const hour = 3_600_000
  await db.moveClock('0 s')
  const plain: FixtureJob[] = [
    {},
    { priority: 9, retain: false },
    { priority: 0, scheduledIn: 2_000 },
    { scheduledIn: 1_000, task: 'mail', maxAttempts: 3, timeout: 1_500 },
    { tags: ['a b', 'c\nd'], metadata: { tenant: '\t"5"' }, flags: ['big'] },
    { payload: '{"to": "ada\\tl.\\nx"}', uniqueKey: 'u' },
    { payload: '{"failed": true}' },
    { payload: '{"cancelled": true}' },
    { payload: '{"back": true}', priority: 9 },
    { scheduledIn: 1_000, retain: 1_000 },
  ]
  const ids = await db.add(
    ...plain,
    ...plain.map(({ uniqueKey, ...job }) => ({
      ...job,
      ...(uniqueKey === undefined ? {} : { uniqueKey: 'v' }),
      queue: 'other',
    })),
    { scheduledIn: hour },
    { scheduledIn: hour, queue: 'other' },
  )
  await db.query(`update kongtask.jobs set attempt = 32767, crashes = 2, errors = '[{"message": "one\\ntwo"}]'
    where payload ? 'failed'`)
  await db.query(`update kongtask.jobs set extras = '{"cancelled": "by\\nhand"}' where payload ? 'cancelled'`)
  await db.query(`update kongtask.jobs set lane = lane + 128 where payload ? 'back'`)
  await db.moveClock('10 s')
  return ids.slice(0, -2)
}

describe('a claim that is no survey', () => {
  it('is one statement, where a survey is one and a special one two', async () => {
    await db.add(...many(3), { serialKey: 's', priority: 9 })
    const worker = await db.worker()
    expect(await callsOf((store) => claim(worker, { total: 1, isSurvey: true }, store))).toEqual([
      'claim_jobs',
    ])
    expect(await callsOf((store) => claim(worker, { total: 2 }, store))).toEqual(['claim_ready'])
    expect(await callsOf((store) => claim(worker, {}, store))).toEqual(['claim_ready', 'claim_jobs'])
  })

  it.each<readonly [string, string, number, { readonly jobs: number; readonly ends: number }]>([
    ['one queue, and there are not as many', 'default', 100, { jobs: 10, ends: 1 }],
    ['one queue, and there are just as many', 'default', 10, { jobs: 10, ends: 0 }],
    ['one queue, and there are more', 'default', 4, { jobs: 4, ends: 0 }],
    ['all queues, and there are not as many', 'all', 100, { jobs: 20, ends: 3 }],
    ['all queues, and there are just as many', 'all', 20, { jobs: 20, ends: 0 }],
    ['a queue that has nothing', 'empty', 5, { jobs: 0, ends: 1 }],
    ['a queue that nobody knows', 'unknown', 5, { jobs: 0, ends: 0 }],
  ])('is the same as a careful one: of %s', async (_, name, total, expected) => {
    await addPlain()
    await db.query(`select kongtask.intern('{}', '{empty}')`)
    const number = (await db.queues()).get(name) ?? 99
    const queues = name === 'all' ? name : new Map([[number, total]])
    const { atOnce, careful } = await both(await db.worker(), { queues, total })
    // The careful one says besides when the next one falls due, and how far it looked before it had enough; and it has a
    // number of its own even if it finds nothing.
    expect(atOnce).toEqual({
      ...careful,
      nextDueIn: undefined,
      hasNumber: expected.jobs > 0,
      ends: careful.dry ? careful.ends : [],
    })
    expect({ jobs: atOnce.jobs.length, ends: atOnce.ends.length }).toEqual(expected)
    expect(atOnce.dry).toBe(expected.jobs < total)
  })

  it('brings all there is to bring of a job, once', async () => {
    const ids = await addPlain()
    const worker = await db.worker()
    const { jobs, dry, wasSpecial } = await claim(worker)
    expect([idsOf(jobs).toSorted(), dry, wasSpecial]).toEqual([ids.toSorted(), true, undefined])
    expect(jobs.find(({ maxAttempts }) => maxAttempts === 3)).toMatchObject({
      attempt: 1,
      maxAttempts: 3,
      priority: 1,
      crashes: 0,
      kept: true,
      payload: '{}',
      extras: '{"timeout": 1500}',
      errors: null,
      ended: null,
      lease: { worker: worker.number, claim: claims },
    })
    expect(jobs.find(({ payload }) => payload.includes('cancelled'))).toMatchObject({ ended: 'by\nhand' })
    // The place is where it lies: what is settled by it is settled.
    await settle(db.store, jobs, completed)
    expect(await db.value('select count(*)::int4 from kongtask.jobs')).toBe(2)
    expect((await claim(worker)).jobs).toEqual([])
  })

  it('takes the best priority first, then the earliest, then the first added, of those that are due', async () => {
    const [late, early, urgent, twin, otherTwin] = await db.add(
      { scheduledIn: 2_000 },
      { scheduledIn: 1_000 },
      { scheduledIn: 3_000, priority: 0 },
      { scheduledIn: 1_000, priority: 3 },
      { scheduledIn: 1_000, priority: 3 },
      { scheduledIn: 60_000, priority: 0 },
    )
    await db.moveClock('10 s')
    const worker = await db.worker()
    const ids = async (total: number): Promise<string[]> => idsOf((await claim(worker, { total })).jobs)
    expect(await ids(1)).toEqual([urgent])
    expect(await ids(3)).toEqual([early, late, twin])
    expect(await ids(3)).toEqual([otherTwin])
  })

  it('takes what has come back first, among those of its priority', async () => {
    const [, back, better] = await db.add({}, {}, { priority: 0 })
    await db.query('update kongtask.jobs set lane = 129 where id = $1', [back])
    const worker = await db.worker()
    const { jobs } = await claim(worker, { total: 2 })
    expect(idsOf(jobs).toSorted()).toEqual(sorted([back, better]))
  })

  it('leaves the jobs of tasks that this process does not know', async () => {
    const [, known] = await db.add({ task: 'other', priority: 0 }, {}, { task: 'other' })
    const worker = await db.worker()
    const work = Number(await db.value(`select id from kongtask.tasks where name = 'work'`))
    expect(await claim(worker, { tasks: [] })).toMatchObject({ jobs: [], dry: true })
    expect(idsOf((await claim(worker, { tasks: [work] })).jobs)).toEqual([known])
  })

  it('asks no more of a queue than its share', async () => {
    await db.add(...many(5))
    const worker = await db.worker()
    const claimed = await claim(worker, { queues: new Map([[await queue('default'), 2]]), total: 4 })
    expect([claimed.jobs.length, claimed.dry, claimed.wasSpecial]).toEqual([2, false, undefined])
  })

  it('writes a row of the ledger for each queue', async () => {
    const [one, two, three] = await db.add({ queue: 'a' }, { queue: 'b' }, { queue: 'a' })
    const worker = await db.worker()
    await claim(worker)
    const ledger = await db.ledger(worker.number)
    expect(ledger).toHaveLength(2)
    expect(ledger).toContainEqual({ claim: claims, ids: [one, three] })
    expect(ledger).toContainEqual({ claim: claims, ids: [two] })
  })

  it('that finds nothing writes nothing, and needs no number', async () => {
    await db.add({ scheduledIn: 60_000 })
    const worker = await db.worker()
    const before = await db.contents()
    const session = await db.session()
    await session.query('begin')
    const claimed = await claim(worker, {}, session.store)
    expect(claimed).toMatchObject({ jobs: [], dry: true, nextDueIn: undefined })
    expect(claimed.end.time.xid).toBeUndefined()
    expect(await session.query('select pg_current_xact_id_if_assigned()::text as xid')).toEqual([
      { xid: null },
    ])
    await session.query('commit')
    expect(await db.contents()).toEqual(before)
  })

  it('begins at its marks, but looks from the start at what has come back', async () => {
    const [passed, at, back, behind] = await db.add(
      { scheduledIn: 1_000 },
      { scheduledIn: 2_000 },
      { scheduledIn: 1_000 },
      { scheduledIn: 3_000 },
      { scheduledIn: 1_000, priority: 5 },
    )
    await db.query('update kongtask.jobs set lane = lane + 128 where id = $1', [back])
    await db.moveClock('10 s')
    const runAt = `select (extract(epoch from run_at) * 1e6)::int8::text from kongtask.jobs where id = $1`
    const place = { queue: 1, at: Number(await db.value(runAt, [at])), id: at ?? '' }
    const worker = await db.worker()
    const marks = (lane: number): Partial<ClaimRequest> => ({
      marks: { places: [{ ...place, lane }], paused: [] },
    })
    const taken = async (lane: number): Promise<string[]> => {
      const { atOnce, careful } = await both(worker, marks(lane))
      expect(idsOf(atOnce.jobs)).toEqual(idsOf(careful.jobs))
      return idsOf(atOnce.jobs).toSorted()
    }
    expect(await taken(-1)).toEqual(sorted([at, back, behind]))
    const { jobs } = await claim(worker, marks(-1))
    expect(idsOf(jobs)).not.toContain(passed)
  })

  it('has a mark for each lane where they say so', async () => {
    const ids = await db.add({}, { priority: 2 })
    const worker = await db.worker()
    const later = Date.now() * 1_000 + 5_000_000
    await db.moveClock('10 s')
    const places = Array.from({ length: 16 }, (_, lane) => ({
      queue: 1,
      lane,
      at: lane === 1 ? later : 0,
      id: '0',
    }))
    const { jobs } = await claim(worker, { marks: { places, paused: [] } })
    expect(idsOf(jobs)).toEqual(ids.slice(1))
  })

  it('looks from the start where its marks are of a time to come', async () => {
    const ids = await db.add({}, {})
    const at = Date.now() * 1_000 + 3_600_000_000
    const { jobs } = await claim(await db.worker(), {
      marks: { places: [{ queue: 1, lane: -1, at, id: '0' }], paused: [] },
    })
    expect(idsOf(jobs)).toEqual(ids)
  })

  it('tells of what marks are made: its number, its time before that, and what may still be under way', async () => {
    await db.add(...many(3))
    const worker = await db.worker()
    const adder = await db.session()
    await adder.query('begin')
    const [open] = await adder.query('select pg_current_xact_id()::text as xid')
    const session = await db.session()
    const clock = `select (extract(epoch from kongtask.clock()) * 1e6)::int8::text as us`
    const [before] = await session.query(clock)
    await session.query('begin')
    const { end } = await claim(worker, {}, session.store)
    const [own] = await session.query('select pg_current_xact_id_if_assigned()::text as xid')
    await session.query('commit')
    const [after] = await session.query(clock)
    expect(String(end.time.xid)).toBe(own?.['xid'])
    expect(end.time.xmin).toBeLessThanOrEqual(Number(open?.['xid']))
    expect(end.time.now).toBeGreaterThanOrEqual(Number(before?.['us']))
    expect(end.time.now).toBeLessThanOrEqual(Number(after?.['us']))
    expect(end.paused).toEqual([])
    expect(end.ends).toEqual([{ queue: 1, lane: -1, at: 0, id: '0' }])
    await adder.query('rollback')
  })

  it('brings payloads large and small, each its own', async () => {
    const long = 'line\nbreak\t"quoted", \\ {} ø '.repeat(20_000)
    const payloads = Array.from({ length: 30 }, (_, n) => (n % 3 === 0 ? { n } : { n, long: `${n} ${long}` }))
    const ids = await db.add(...payloads.map((payload) => ({ payload: JSON.stringify(payload) })))
    const { jobs, dry, wasSpecial } = await claim(await db.worker())
    expect([idsOf(jobs), dry, wasSpecial]).toEqual([ids, true, undefined])
    expect(jobs.map(({ payload }) => JSON.parse(payload) as unknown)).toEqual(payloads)
  })
})

describe('a claim that meets something special', () => {
  const limitQueue = (concurrency: number | null, rate: object | null): Promise<unknown> =>
    db.query(`update kongtask.queues set concurrency = $1, rate = $2 where name = 'default'`, [
      concurrency,
      rate === null ? null : JSON.stringify(rate),
    ])

  /** What is added, and which of that may run. */
  const cases: Readonly<
    Record<string, { readonly add: () => Promise<readonly string[]>; readonly taken: readonly number[] }>
  > = {
    'a serial key': {
      add: async () => [
        await db.addOne({ serialKey: 's' }),
        await db.addOne({ serialKey: 's' }),
        await db.addOne(),
      ],
      taken: [0, 2],
    },
    'a limit of concurrency': {
      add: async () => {
        const limited = { concurrency: { limit: 1, key: 'crm' } }
        return [await db.addOne(limited), await db.addOne(limited), await db.addOne()]
      },
      taken: [0, 2],
    },
    'a limit of a rate': {
      add: async () => {
        const limited = { rateLimit: { limit: 1, per: 3_600_000, key: 'crm' } }
        return [await db.addOne(limited), await db.addOne(limited), await db.addOne()]
      },
      taken: [0, 2],
    },
    'a queue that has a concurrency': {
      add: async () => {
        const ids = await db.add(...many(3))
        await limitQueue(2, null)
        return ids
      },
      taken: [0, 1],
    },
    'a queue that has a rate': {
      add: async () => {
        const ids = await db.add(...many(3))
        await limitQueue(null, { limit: 2, per: 3_600_000, burst: 2 })
        return ids
      },
      taken: [0, 1],
    },
    'a task that is paused': {
      add: async () => {
        const ids = await db.add({ task: 'rest' }, {}, { task: 'rest' }, {})
        await db.store.pauseTask('rest')
        return ids
      },
      taken: [1, 3],
    },
    'a task that is paused and has no jobs': {
      add: async () => {
        const ids = await db.add({}, {})
        await db.query(`select kongtask.intern('{rest}', '{}')`)
        await db.store.pauseTask('rest')
        return ids
      },
      taken: [0, 1],
    },
  }
  const kinds = Object.keys(cases)

  it.each(kinds)('is a careful one, and right: %s', async (kind) => {
    const { add = () => Promise.resolve([]), taken = [] } = cases[kind] ?? {}
    const ids = await add()
    const meant = taken.map((index) => ids[index])
    const worker = await db.worker()
    const claimed = await claim(worker)
    expect(claimed.wasSpecial).toBe(true)
    expect(idsOf(claimed.jobs).toSorted()).toEqual(sorted(meant))
    expect(claimed.jobs.map(({ attempt }) => attempt)).toEqual(meant.map(() => 1))
    expect(await db.ledger(worker.number)).toEqual([{ claim: claims, ids: idsOf(claimed.jobs) }])
    expect((await claim(worker)).jobs).toEqual([])
    expect((await claim(await db.worker())).jobs).toEqual([])
  })

  it.each(kinds)('and of one queue only is so, too: %s', async (kind) => {
    const { add = () => Promise.resolve([]), taken = [] } = cases[kind] ?? {}
    const ids = await add()
    await db.addOne({ queue: 'other' })
    const claimed = await claim(await db.worker(), { queues: new Map([[await queue('default'), 50]]) })
    expect(claimed.wasSpecial).toBe(true)
    expect(idsOf(claimed.jobs).toSorted()).toEqual(sorted(taken.map((index) => ids[index])))
  })

  it('counts what it took before for the limit of a queue that is set afterwards', async () => {
    await db.add(...many(10))
    const worker = await db.worker()
    expect((await claim(worker, { total: 3 })).wasSpecial).toBeUndefined()
    await limitQueue(4, null)
    const claimed = await claim(worker)
    expect([claimed.jobs.length, claimed.wasSpecial]).toEqual([1, true])
  })

  it.each(['a serial key', 'a limit of concurrency'])(
    'finds it only among what it would take: %s',
    async (kind) => {
      const plain = await db.add({ priority: 0 }, { priority: 0 })
      await cases[kind]?.add()
      const worker = await db.worker()
      const before = await claim(worker, { total: 2 })
      expect([idsOf(before.jobs), before.wasSpecial, before.dry]).toEqual([plain, undefined, false])
      expect((await claim(worker, { total: 2 })).wasSpecial).toBe(true)
    },
  )

  it('is not kept from being quick by the limits of a queue that has nothing', async () => {
    await db.addOne()
    const worker = await db.worker()
    await claim(worker)
    await limitQueue(1, null)
    await db.add(...many(3, { queue: 'other' }))
    const claimed = await claim(worker)
    expect([claimed.jobs.length, claimed.wasSpecial]).toEqual([3, undefined])
  })

  it('takes nothing of a queue that is paused', async () => {
    const [, other] = await db.add({}, { queue: 'other' })
    await db.store.pauseQueue('default')
    const worker = await db.worker()
    const paused = { queues: new Map([[await queue('default'), 5]]) }
    expect(await claim(worker, paused)).toMatchObject({ jobs: [], dry: true, end: { ends: [] } })
    const { jobs, end } = await claim(worker)
    expect([idsOf(jobs), end.ends]).toEqual([
      [other],
      [{ queue: await queue('other'), lane: -1, at: 0, id: '0' }],
    ])
    await db.store.resumeQueue('default')
    expect((await claim(worker, paused)).jobs).toHaveLength(1)
  })

  it.each<readonly [string, () => Promise<Partial<ClaimRequest>>, number]>([
    ['leave jobs with some flag alone', () => Promise.resolve({ forbiddenFlags: ['big'] }), 3],
    [
      'have shares of several queues',
      async () => ({
        queues: new Map([
          [await queue('default'), 1],
          [await queue('other'), 1],
        ]),
      }),
      2,
    ],
    [
      'have marks of when a task was paused',
      async () => ({
        marks: { places: [{ queue: 1, lane: -1, at: Date.now() * 1_000, id: '0' }], paused: [77] },
      }),
      4,
    ],
  ])('is not tried at once where it has to %s', async (_, asked, count) => {
    await db.add({}, { flags: ['big'] }, ...many(2, { queue: 'other' }))
    const worker = await db.worker()
    const request = await asked()
    const calls = await callsOf(async (store) => {
      const claimed = await claim(worker, request, store)
      expect([claimed.jobs.length, claimed.wasSpecial]).toEqual([count, undefined])
    })
    expect(calls).toEqual(['claim_jobs'])
  })
})

describe('a worker that sends no survey', () => {
  const refusal = { code: 'KT002' }

  /** With what a claim was refused, and whether jobs and the ledger know nothing of it. */
  async function refused(
    worker: FixtureWorker,
    session?: Session,
  ): Promise<{ readonly error: unknown; readonly isUntouched: boolean }> {
    const before = await db.contents()
    const error = await claim(worker, {}, session?.store).catch((thrown: unknown) => thrown)
    return { error, isUntouched: isDeepStrictEqual(await db.contents(), before) }
  }

  it('and was declared dead may not claim', async () => {
    await db.add(...many(3))
    const worker = await db.worker()
    // What rescue does first.
    await db.query('update kongtask.workers set rescued_at = clock_timestamp() where id = $1', [
      worker.number,
    ])
    expect(await refused(worker)).toMatchObject({ error: refusal, isUntouched: true })
  })

  it('and was rescued and forgotten may not claim', async () => {
    await db.add(...many(3))
    const worker = await db.worker(-1)
    await db.store.rescueWorkers()
    expect(await refused(worker)).toMatchObject({ error: refusal, isUntouched: true })
  })

  it('and has the number of another may not claim', async () => {
    await db.addOne()
    const [worker, impostor] = [await db.worker(), await db.worker()]
    await expect(claim(worker, { nonce: impostor.registration.nonce })).rejects.toMatchObject(refusal)
    expect((await claim(worker)).jobs).toHaveLength(1)
  })

  it('and is being declared dead this moment is refused instead of waiting', async () => {
    await db.addOne()
    const worker = await db.worker(-1)
    const [rescuer, session] = [await db.session(), await db.session()]
    await rescuer.query('begin')
    await rescuer.store.rescueWorkers()
    expect(await refused(worker, session)).toMatchObject({ error: refusal, isUntouched: true })
    await rescuer.query('commit')
  })

  it('and whose heartbeat is under way claims without waiting for it', async () => {
    await db.addOne()
    const worker = await db.worker()
    const [beating, claiming] = [await db.session(), await db.session()]
    await beating.query('begin')
    const beat = { ...worker.registration, lease: 60_000, known: [], before: 1, heard: [] }
    expect(await beating.store.heartbeat(beat)).toMatchObject({ alive: true })
    expect((await claim(worker, {}, claiming.store)).jobs).toHaveLength(1)
    await beating.query('commit')
  })

  it('and whose claim is under way is not declared dead', async () => {
    const id = await db.addOne()
    const worker = await db.worker(-1)
    const [claiming, rescuer] = [await db.session(), await db.session()]
    await claiming.query('begin')
    await claim(worker, {}, claiming.store)
    expect(await rescuer.store.rescueWorkers()).toEqual({ workers: 0, jobs: 0 })
    await claiming.query('commit')
    expect(await rescuer.store.rescueWorkers()).toEqual({ workers: 1, jobs: 1 })
    expect(first(await db.query('select id::text, worker from kongtask.jobs'))).toEqual({ id, worker: 0 })
  })
})

describe('two claims at once', () => {
  it.each([false, true])('never share a job, be the other a survey or not (%s)', async (isSurvey) => {
    await db.add(...many(10))
    const [one, other] = [await db.session(), await db.session()]
    const [worker, rival] = [await db.worker(), await db.worker()]
    await one.query('begin')
    const mine = await claim(worker, { total: 4 }, one.store)
    const theirs = await claim(rival, { total: 10, isSurvey }, other.store)
    await one.query('commit')
    expect([mine.jobs.length, theirs.jobs.length]).toEqual([4, 6])
    expect(new Set(idsOf([...mine.jobs, ...theirs.jobs])).size).toBe(10)
  })

  it('leave everything to the rival where one is rolled back', async () => {
    const added = await db.add({}, {})
    const [one, worker, rival] = [await db.session(), await db.worker(), await db.worker()]
    await one.query('begin')
    await claim(worker, {}, one.store)
    expect((await claim(rival)).jobs).toEqual([])
    await one.query('rollback')
    expect(idsOf((await claim(rival)).jobs)).toEqual(added)
    expect(await db.ledger(worker.number)).toEqual([])
  })

  it('empty queues together, each job once, surveys or not, while more is added', async () => {
    const added = await db.add(...Array.from({ length: 300 }, (_, n) => ({ priority: n % 3 })))
    const { store } = await connections.open()
    const late: string[] = []
    const adding = (async () => {
      for (let n = 0; n < 30; n++) {
        late.push(
          ...idsOf(await store.insertJobs(many(3, n % 2 === 0 ? {} : { queue: 'other' }).map(newJob))),
        )
      }
    })()
    let isAdded = false
    void adding.then(() => (isAdded = true))
    const taken = await Promise.all(
      (await connections.many(4)).map(async (connection, index) => {
        const worker = await db.worker()
        const mine: string[] = []
        for (let turn = index; ; turn++) {
          const wasAdded = isAdded
          const { jobs, dry, wasSpecial } = await claim(
            worker,
            { total: 7, isSurvey: turn % 4 === 0 },
            connection.store,
          )
          expect(wasSpecial).toBeUndefined()
          mine.push(...idsOf(jobs))
          if (jobs.length === 0 && dry && wasAdded) return mine
        }
      }),
    )
    const all = taken.flat()
    expect(all).toHaveLength(390)
    expect(new Set(all)).toEqual(new Set([...added, ...late]))
    const named = await db.query('select unnest(ids)::text as id from kongtask.claims')
    expect(sorted(named.map(({ id }) => id))).toEqual(all.toSorted())
  })
})

describe('a job that moves while it is being claimed', () => {
  /** Between having its snapshot and looking for jobs, everybody waits for an advisory lock. */
  const pauseBehindSnapshot = (): Promise<unknown> =>
    db.query(`
      alter function kongtask.start_at(int8, int8) rename to start_at_once;
      create function kongtask.start_at(p_mark_us int8, p_now_us int8) returns timestamptz language plpgsql stable as $$
      begin perform pg_advisory_xact_lock_shared(78); return kongtask.start_at_once(p_mark_us, p_now_us); end $$`)
  afterEach(() =>
    db.query(`
      drop function kongtask.start_at;
      alter function kongtask.start_at_once rename to start_at`),
  )

  it('is left where it is, and the claim neither takes the queue for dry nor says that it had seen all', async () => {
    const moved = await db.addOne()
    const worker = await db.worker()
    const [claiming, operator] = [await connections.open(), await connections.open()]
    await pauseBehindSnapshot()
    await operator.query('select pg_advisory_lock(78)')
    const claimed = claim(worker, {}, claiming.store)
    await connections.waits(claiming)
    await operator.query('update kongtask.jobs set crashes = crashes where id = $1', [moved])
    await operator.query('select pg_advisory_unlock(78)')
    expect(await claimed).toMatchObject({ jobs: [], dry: false, end: { ends: [] } })
    expect(idsOf((await claim(worker)).jobs)).toEqual([moved])
  })
})
