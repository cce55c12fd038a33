import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { first, useStore, type FixtureJob } from './fixture.ts'
import { Connections } from './keyed.ts'

const db = useStore()

const ids = (jobs: readonly { readonly id: string }[]): string[] => jobs.map(({ id }) => id)
const inTheFuture = '2100-01-01T00:00:00.000Z'

describe('the order of a claim', () => {
  it('is priority, then due time, then id', async () => {
    await db.moveClock('1 h')
    const [late, early, urgent, twin, otherTwin] = await db.add(
      { scheduledAt: at(50) },
      { scheduledAt: at(40) },
      { scheduledAt: at(55), priority: 0 },
      { scheduledAt: at(45), priority: 3 },
      { scheduledAt: at(45), priority: 3 },
    )
    // Due times in the past count as now when a job is added, so the clock moves past them afterwards.
    await db.moveClock('2 h')
    const worker = await db.worker()
    expect(ids(await worker.claim(3))).toEqual([urgent, early, late])
    expect(ids(await worker.claim(3))).toEqual([twin, otherTwin])
  })

  function at(minutes: number): string {
    return new Date(Date.now() + 3_600_000 + minutes * 60_000).toISOString()
  }

  it('leaves worse priorities for later although they are due for longer', async () => {
    const worse = await db.addOne({ priority: 15 })
    const better = await db.addOne({ priority: 0 })
    const worker = await db.worker()
    expect(ids(await worker.claim(1))).toEqual([better])
    expect(ids(await worker.claim(1))).toEqual([worse])
  })
})

describe('what is not due', () => {
  it('is not claimed, and the answer says when it will be', async () => {
    await db.addOne({ scheduledIn: 90_000 })
    await db.addOne({ scheduledIn: 60_000, priority: 15 })
    const { worker, nonce } = (await db.worker()).registration
    const claimed = await db.store.claimJobs({
      worker,
      nonce,
      claim: 1,
      queues: 'all',
      total: 5,
      tasks: await db.tasks(),
    })
    expect(claimed).toMatchObject({ jobs: [], dry: true })
    expect(claimed.nextDueIn).toBeGreaterThan(50_000)
    expect(claimed.nextDueIn).toBeLessThanOrEqual(60_000)
  })

  it('is not looked for where the claim is no survey', async () => {
    await db.addOne({ scheduledIn: 60_000 })
    const worker = await db.worker()
    const request = { ...worker.registration, queues: 'all' as const, total: 5, tasks: await db.tasks() }
    expect(await db.store.claimJobs({ ...request, claim: 1, isSurvey: false })).toMatchObject({
      dry: true,
      nextDueIn: undefined,
    })
  })

  it('is claimed as soon as it is', async () => {
    const id = await db.addOne({ scheduledIn: 3_600_000 })
    const worker = await db.worker()
    expect(await worker.claim(1)).toEqual([])
    await db.moveClock('1 h')
    expect(ids(await worker.claim(1))).toEqual([id])
  })

  it('says nothing of a next due time where nothing waits', async () => {
    await db.addOne()
    const worker = await db.worker()
    const request = { ...worker.registration, queues: 'all' as const, total: 5, tasks: await db.tasks() }
    expect(await db.store.claimJobs({ ...request, claim: 1 })).toMatchObject({
      dry: true,
      nextDueIn: undefined,
    })
  })
})

describe('a claimed job', () => {
  it('carries what it was added with, its lease and its attempt', async () => {
    const id = await db.addOne({
      task: 'mail',
      queue: 'email',
      payload: '{"to": "ada"}',
      priority: 7,
      maxAttempts: 3,
      timeout: 1_500,
      tags: ['a'],
      metadata: { tenant: 5 },
    })
    const worker = await db.worker()
    const job = await worker.claimOne()
    expect(job).toMatchObject({
      id,
      queueId: (await db.queues()).get('email'),
      attempt: 1,
      maxAttempts: 3,
      priority: 7,
      crashes: 0,
      kept: true,
      payload: '{"to": "ada"}',
      errors: null,
      lease: { worker: worker.number, claim: 1 },
    })
    expect(JSON.parse(job.extras ?? '')).toEqual({ timeout: 1_500, tags: ['a'], metadata: { tenant: 5 } })
    const stored = await db.store.readJob(id)
    expect(stored).toMatchObject({ state: 'running', attempt: 1 })
    expect([job.runAt, job.createdAt].map((us) => new Date(us / 1_000))).toEqual([
      stored?.scheduledAt,
      stored?.createdAt,
    ])
  })

  it('of which nothing is to be kept says so', async () => {
    await db.addOne({ retain: false })
    expect(await (await db.worker()).claimOne()).toMatchObject({ kept: false })
  })

  it('comes with its own payload, extras and errors, whatever others come with it', async () => {
    const long = 'line\nbreak "quoted", \\ {} ø '.repeat(200)
    await db.add(
      { payload: '{"n": 1}' },
      { payload: JSON.stringify(long), tags: ['a b', 'c\nd'] },
      { payload: '{"n": 3}', metadata: { note: long } },
      { payload: '[]', tags: ['x'] },
      { payload: '"\\n"' },
    )
    await db.query(`update kongtask.jobs set errors = '[{"message": "one\\ntwo"}]' where payload = '[]'`)
    await db.query(
      `update kongtask.jobs set extras = '{"cancelled": "by\\nhand, \\"twice\\""}' where payload = '"\\n"'`,
    )
    const worker = await db.worker()
    const jobs = await worker.claim(10)
    expect(
      jobs.map(({ payload, extras, errors, ended }) => ({
        payload: JSON.parse(payload) as unknown,
        extras: extras === null ? null : (JSON.parse(extras) as unknown),
        errors: errors === null ? null : (JSON.parse(errors) as unknown),
        ended,
      })),
    ).toMatchObject([
      { payload: { n: 1 }, extras: null, errors: null, ended: null },
      { payload: long, extras: { tags: ['a b', 'c\nd'] }, errors: null, ended: null },
      { payload: { n: 3 }, extras: { metadata: { note: long } }, errors: null, ended: null },
      { payload: [], extras: { tags: ['x'] }, errors: [{ message: 'one\ntwo' }], ended: null },
      { payload: '\n', errors: null, ended: 'by\nhand, "twice"' },
    ])
    expect(await worker.claim(10)).toEqual([])
  })

  it('is not claimed again', async () => {
    await db.addOne()
    const worker = await db.worker()
    await worker.claimOne()
    expect(await worker.claim(1)).toEqual([])
    expect(await (await db.worker()).claim(1)).toEqual([])
  })
})

describe('jobs of a task that the worker does not know', () => {
  it('are left for those who do', async () => {
    const [, known, , alsoKnown] = await db.add({ task: 'other' }, {}, { task: 'other', priority: 0 }, {})
    const worker = await db.worker()
    const request = { ...worker.registration, queues: 'all' as const, total: 10 }
    const work = Number(await db.value(`select id from kongtask.tasks where name = 'work'`))
    const none = await db.store.claimJobs({ ...request, claim: 11, tasks: [] })
    expect(none).toMatchObject({ jobs: [], dry: true })
    const claimed = await db.store.claimJobs({ ...request, claim: 12, tasks: [work] })
    expect(ids(claimed.jobs)).toEqual([known, alsoKnown])
    expect(await worker.claim(10)).toHaveLength(2)
  })
})

describe('limits', () => {
  const many = (queue: string, count: number): FixtureJob[] =>
    Array.from({ length: count }, () => ({ queue }))

  async function claim(limits: Readonly<Record<string, number>> | 'all', total: number, claimNumber = 1) {
    const worker = await db.worker()
    const queues = await db.queues()
    const numberOf = (name: string): number => queues.get(name) ?? -1
    const claimed = await db.store.claimJobs({
      ...worker.registration,
      claim: claimNumber,
      queues:
        limits === 'all' ? 'all' : new Map(Object.entries(limits).map(([name, n]) => [numberOf(name), n])),
      total,
      tasks: await db.tasks(),
    })
    const count = (name: string): number =>
      claimed.jobs.filter(({ queueId }) => queueId === numberOf(name)).length
    return { dry: claimed.dry, a: count('a'), b: count('b'), c: count('c') }
  }

  it('hold for each queue', async () => {
    await db.add(...many('a', 5), ...many('b', 5), ...many('c', 5))
    expect(await claim({ a: 2, b: 3 }, 5)).toEqual({ dry: false, a: 2, b: 3, c: 0 })
  })

  it('are not filled up with jobs of another queue', async () => {
    await db.add(...many('a', 1), ...many('b', 5))
    expect(await claim({ a: 3, b: 2 }, 5)).toEqual({ dry: true, a: 1, b: 2, c: 0 })
  })

  it('hold in total, over all queues', async () => {
    await db.add(...many('a', 5), ...many('b', 5), ...many('c', 5))
    const { dry, a, b, c } = await claim('all', 7)
    expect({ dry, total: a + b + c }).toEqual({ dry: false, total: 7 })
  })

  it('let no queue be first each time', async () => {
    await db.add(...many('a', 9), ...many('b', 9), ...many('c', 9))
    const turns = [await claim('all', 3, 1), await claim('all', 3, 2), await claim('all', 3, 3)]
    expect(turns.map(({ a, b, c }) => [a, b, c].indexOf(3))).toSatisfy(
      (firsts: number[]) => new Set(firsts).size === 3 && !firsts.includes(-1),
    )
  })

  it.each([1, 2, 3])(
    'leave the database not dry while any queue has more, whosever turn it is (%i)',
    async (turn) => {
      await db.add(...many('a', 1), ...many('b', 9), ...many('c', 1))
      const { dry, a, b, c } = await claim('all', 4, turn)
      expect({ dry, total: a + b + c }).toEqual({ dry: false, total: 4 })
    },
  )

  it('find the database dry when everything is taken', async () => {
    await db.add(...many('a', 1), ...many('b', 1))
    expect(await claim('all', 4)).toEqual({ dry: true, a: 1, b: 1, c: 0 })
  })

  it('find a database without any queue dry', async () => {
    expect(await claim('all', 4)).toEqual({ dry: true, a: 0, b: 0, c: 0 })
  })
})

describe('two claimers at once', () => {
  it('never share a job, and neither waits for the other', async () => {
    await db.add(...Array.from({ length: 10 }, () => ({})))
    const [one, other] = [await db.session(), await db.session()]
    const [worker, rival] = [await db.worker(), await db.worker()]
    await one.query('begin')
    const mine = await worker.claim(4, one.store)
    const theirs = await rival.claim(10, other.store)
    await one.query('commit')
    expect(mine).toHaveLength(4)
    expect(theirs).toHaveLength(6)
    expect(new Set(ids([...mine, ...theirs])).size).toBe(10)
  })

  it('that roll back leave everything to the rival', async () => {
    const added = await db.add({}, {})
    const [one, worker, rival] = [await db.session(), await db.worker(), await db.worker()]
    await one.query('begin')
    await worker.claim(2, one.store)
    expect(await rival.claim(2)).toEqual([])
    await one.query('rollback')
    expect(ids(await rival.claim(2))).toEqual(added)
    expect(await db.ledger(worker.number)).toEqual([])
  })

  it('empty a queue together, each job once', async () => {
    const added = await db.add(...Array.from({ length: 400 }, (_, n) => ({ priority: n % 3 })))
    const taken = await Promise.all(
      Array.from({ length: 4 }, async () => {
        const [session, worker] = [await db.session(), await db.worker()]
        const mine: string[] = []
        for (let more = true; more;) {
          const jobs = await worker.claim(7, session.store)
          mine.push(...ids(jobs))
          more = jobs.length > 0
        }
        return mine
      }),
    )
    const all = taken.flat()
    expect(all).toHaveLength(400)
    expect(new Set(all)).toEqual(new Set(added))
  })
})

describe('of three claims at once', () => {
  /** As if two others were claiming. */
  async function takeTurns(): Promise<void> {
    const [one, other] = [await db.session(), await db.session()]
    for (const session of [one, other]) {
      await session.query('begin')
      await (await db.worker()).claim(1, session.store)
    }
  }

  const request = async () => ({
    ...(await db.worker()).registration,
    claim: 1,
    queues: 'all' as const,
    total: 5,
    tasks: await db.tasks(),
  })

  it.each([true, false])('the third has no turn, and has done nothing (a survey: %s)', async (isSurvey) => {
    const [, , third] = await db.add({}, {}, {})
    await takeTurns()
    const claimed = await db.store.claimJobs({ ...(await request()), isSurvey })
    expect(claimed).toMatchObject({ hadNoTurn: true, jobs: [] })
    expect(await db.store.readJob(third ?? '')).toMatchObject({ state: 'ready', attempt: 0 })
  })

  it('one that insists goes all the same', async () => {
    const [, , third] = await db.add({}, {}, {})
    await takeTurns()
    const claimed = await db.store.claimJobs({ ...(await request()), insists: true })
    expect(claimed.hadNoTurn).toBe(false)
    expect(ids(claimed.jobs)).toEqual([third])
  })
})

describe('the ledger', () => {
  it('names exactly what was claimed, a row for each claim and queue', async () => {
    const [one, two, three] = await db.add({ queue: 'a' }, { queue: 'b' }, { queue: 'a' })
    const worker = await db.worker()
    await worker.claim(3)
    expect(
      (await db.ledger(worker.number)).toSorted((a, b) => String(a.ids).length - String(b.ids).length),
    ).toEqual([
      { claim: 1, ids: [two] },
      { claim: 1, ids: [one, three] },
    ])
  })

  it('gets no row where nothing was claimed', async () => {
    await db.addOne({ scheduledAt: inTheFuture })
    const worker = await db.worker()
    await worker.claim(3)
    expect(await db.ledger(worker.number)).toEqual([])
  })
})

describe('a worker', () => {
  const refusal = { code: 'KT002' }

  it('that was declared dead may not claim', async () => {
    const id = await db.addOne()
    const worker = await db.worker()
    // What rescue does first.
    await db.query('update kongtask.workers set rescued_at = clock_timestamp() where id = $1', [
      worker.number,
    ])
    await expect(worker.claim(1)).rejects.toMatchObject(refusal)
    expect(await db.store.readJob(id)).toMatchObject({ state: 'ready', attempt: 0 })
  })

  it('that was rescued and forgotten may not claim', async () => {
    await db.addOne()
    const worker = await db.worker(-1)
    await db.store.rescueWorkers()
    await expect(worker.claim(1)).rejects.toMatchObject(refusal)
  })

  it('that was declared dead hears it although there is nothing to claim', async () => {
    const worker = await db.worker()
    await db.query('update kongtask.workers set rescued_at = clock_timestamp()')
    await expect(worker.claim(1)).rejects.toMatchObject(refusal)
  })

  describe('between having looked who lives and taking jobs', () => {
    const connections = new Connections(db)
    afterEach(() => connections.close())

    /** There everybody waits for an advisory lock. */
    beforeEach(() =>
      db.query(`
        alter function kongtask.microseconds(timestamptz) rename to microseconds_at_once;
        create function kongtask.microseconds(p_at timestamptz) returns int8 language plpgsql stable as $$
        begin perform pg_advisory_xact_lock_shared(79); return kongtask.microseconds_at_once(p_at); end $$`),
    )
    afterEach(() =>
      db.query(`
        drop function kongtask.microseconds;
        alter function kongtask.microseconds_at_once rename to microseconds`),
    )

    it('that is declared dead in the middle of its claim takes nothing', async () => {
      const id = await db.addOne()
      const worker = await db.worker()
      const [claiming, rescuer] = [await connections.open(), await connections.open()]
      await rescuer.query('select pg_advisory_lock(79)')
      const claim = worker.claim(1, claiming.store).catch((error: unknown) => error)
      await connections.waits(claiming)
      await rescuer.query('update kongtask.workers set rescued_at = clock_timestamp()')
      await rescuer.query('select pg_advisory_unlock(79)')
      expect(await claim).toMatchObject(refusal)
      expect(await db.store.readJob(id)).toMatchObject({ state: 'ready', attempt: 0 })
      expect(await db.ledger(worker.number)).toEqual([])
    })
  })

  it('with the number of another may not claim', async () => {
    await db.addOne()
    const [worker, impostor] = [await db.worker(), await db.worker()]
    const request = { queues: 'all' as const, total: 1, tasks: await db.tasks(), claim: 1 }
    await expect(
      db.store.claimJobs({ ...request, worker: worker.number, nonce: impostor.registration.nonce }),
    ).rejects.toMatchObject(refusal)
  })

  it('that is being declared dead this moment is refused instead of waiting', async () => {
    await db.addOne()
    const worker = await db.worker(-1)
    const [rescuer, session] = [await db.session(), await db.session()]
    await rescuer.query('begin')
    await rescuer.store.rescueWorkers()
    await expect(worker.claim(1, session.store)).rejects.toMatchObject(refusal)
    await rescuer.query('commit')
  })

  it('whose heartbeat is under way claims without waiting for it', async () => {
    await db.addOne()
    const worker = await db.worker()
    const [beating, claiming] = [await db.session(), await db.session()]
    await beating.query('begin')
    expect(
      await beating.store.heartbeat({
        ...worker.registration,
        lease: 60_000,
        known: [],
        before: 1,
        heard: [],
      }),
    ).toMatchObject({ alive: true, messages: [] })
    expect(await worker.claim(1, claiming.store)).toHaveLength(1)
    await beating.query('commit')
  })

  it('whose claim is under way is not declared dead', async () => {
    const id = await db.addOne()
    const worker = await db.worker(-1)
    const [claiming, rescuer] = [await db.session(), await db.session()]
    await claiming.query('begin')
    await worker.claim(1, claiming.store)
    expect(await rescuer.store.rescueWorkers()).toEqual({ workers: 0, jobs: 0 })
    await claiming.query('commit')
    expect(await rescuer.store.rescueWorkers()).toEqual({ workers: 1, jobs: 1 })
    expect(first(await db.query('select id::text, worker from kongtask.jobs'))).toEqual({ id, worker: 0 })
  })
})
