import { afterEach, describe, expect, it } from 'vitest'
import type { Lease } from '../../src/core/lease.ts'
import type { Settlement } from '../../src/core/settlement.ts'
import type { ClaimedJob } from '../../src/store/claim-jobs.ts'
import type { SettledJob } from '../../src/store/settle-jobs.ts'
import type { Store } from '../../src/store/store.ts'
import { first, useStore, type FixtureJob, type FixtureWorker } from './fixture.ts'
import { Connections } from './keyed.ts'

const db = useStore()

const error = { name: 'Error', message: 'no', stack: 'Error: no\n    at here' }
const completed: Settlement = { kind: 'completed', result: { pages: 3 } }
const retry: Settlement = { kind: 'retry', delay: 60_000, error }
const dead: Settlement = { kind: 'dead', reason: 'permanent', error }
const snoozed: Settlement = { kind: 'snoozed', delay: 60_000 }
const deferred: Settlement = { kind: 'deferred', delay: 60_000 }
const cancelled: Settlement = { kind: 'cancelled', reason: 'not needed' }
const released: Settlement = { kind: 'released' }

const kinds: readonly (readonly [kind: string, settlement: Settlement, job: FixtureJob])[] = [
  ['completed, kept', completed, {}],
  ['completed, not kept', completed, { retain: false }],
  ['retry', retry, {}],
  ['dead', dead, {}],
  ['snoozed', snoozed, {}],
  ['deferred', deferred, {}],
  ['cancelled', cancelled, {}],
  ['released', released, {}],
]

/** Settles jobs of one queue; `closed` defaults to nothing, as if the claims had more jobs. */
async function settle(
  jobs: readonly ClaimedJob[],
  settlement: Settlement,
  { lease, closed = [], store = db.store }: { lease?: Lease; closed?: number[]; store?: Store } = {},
): Promise<ReadonlySet<string>> {
  const { refused } = await store.settleJobs({
    worker: (lease ?? first(jobs).lease).worker,
    queue: first(jobs).queueId,
    jobs: jobs.map((job): SettledJob => ({
      id: job.id,
      lease: lease ?? job.lease,
      kept: job.kept,
      settlement,
    })),
    closed,
  })
  return refused
}

async function claimed(job: FixtureJob = {}): Promise<{ job: ClaimedJob; worker: FixtureWorker }> {
  await db.addOne(job)
  const worker = await db.worker()
  return { job: await worker.claimOne(), worker }
}

describe('the fence', () => {
  it.each(kinds)('refuses an old lease and changes nothing: %s', async (_, settlement, options) => {
    const { job, worker } = await claimed(options)
    await settle([job], released)
    const again = await worker.claimOne()
    expect(again).toMatchObject({ id: job.id, attempt: job.attempt })
    const before = await db.contents()
    expect(await settle([job], settlement)).toEqual(new Set([job.id]))
    expect(await db.contents()).toEqual(before)
    // The lease that holds is not refused, so it was the lease.
    expect(await settle([again], settlement)).toEqual(new Set())
    expect(await db.contents()).not.toEqual(before)
  })

  it.each(kinds)('refuses the right claim of another worker: %s', async (_, settlement, options) => {
    const { job } = await claimed(options)
    const stranger = await db.worker()
    const before = await db.contents()
    const lease = { worker: stranger.number, claim: job.lease.claim }
    expect(await settle([job], settlement, { lease })).toEqual(new Set([job.id]))
    expect(await db.contents()).toEqual(before)
  })

  it.each(kinds)('refuses a job that nobody has: %s', async (_, settlement, options) => {
    const { job } = await claimed(options)
    await settle([job], released)
    const before = await db.contents()
    expect(await settle([job], settlement)).toEqual(new Set([job.id]))
    expect(await settle([job], settlement, { lease: { worker: 0, claim: 1 } })).toEqual(new Set([job.id]))
    expect(await db.contents()).toEqual(before)
  })

  it.each(kinds)('refuses a job that is gone: %s', async (_, settlement, options) => {
    const { job } = await claimed(options)
    await settle([job], cancelled)
    const before = await db.contents()
    expect(await settle([job], settlement)).toEqual(new Set([job.id]))
    expect(await db.contents()).toEqual(before)
  })

  it('refuses the same settlement a second time', async () => {
    const { job } = await claimed()
    expect(await settle([job], retry)).toEqual(new Set())
    const before = await db.contents()
    expect(await settle([job], retry)).toEqual(new Set([job.id]))
    expect(await db.contents()).toEqual(before)
  })

  it('refuses what belongs to another queue', async () => {
    const { job } = await claimed({ queue: 'a' })
    const other = await claimed({ queue: 'b' })
    const before = await db.contents()
    const misplaced = { ...job, queueId: other.job.queueId }
    expect(await settle([misplaced], completed)).toEqual(new Set([job.id]))
    expect(await db.contents()).toEqual(before)
  })

  it('lets a batch through but for what it refuses, whatever is mixed in it', async () => {
    // Ids of different lengths, so that they are not in the order of their text.
    await db.query(`alter sequence kongtask.job_ids restart with 97`)
    await db.add(
      ...Array.from({ length: 24 }, (_, n) => ({ retain: n % 2 === 0 ? (false as const) : 60_000 })),
    )
    const worker = await db.worker()
    // In two claims, and in the wrong order.
    const jobs = [...(await worker.claim(12)), ...(await worker.claim(12))].toReversed()
    const settlements = [completed, completed, completed, retry, dead, snoozed, cancelled, released]
    const stale = new Set(jobs.filter((_, n) => n % 5 === 3).map(({ id }) => id))
    const { refused } = await db.store.settleJobs({
      worker: worker.number,
      queue: first(jobs).queueId,
      closed: [],
      jobs: jobs.map((job, n) => ({
        id: job.id,
        kept: job.kept,
        lease: stale.has(job.id) ? { ...job.lease, claim: job.lease.claim + 1 } : job.lease,
        settlement: settlements[n % settlements.length] ?? completed,
      })),
    })
    expect(refused).toEqual(stale)
    const stillRunning = await db.query('select id::text from kongtask.jobs where worker <> 0')
    expect(new Set(stillRunning.map(({ id }) => id))).toEqual(stale)
  })

  it('gives each kept job its own result', async () => {
    await db.query(`alter sequence kongtask.job_ids restart with 9998`)
    await db.add(...Array.from({ length: 5 }, () => ({})))
    const jobs = await (await db.worker()).claim(5)
    await db.store.settleJobs({
      worker: first(jobs).lease.worker,
      queue: first(jobs).queueId,
      closed: [],
      jobs: jobs.toReversed().map(({ id, lease, kept }, n) => ({
        id,
        lease,
        kept,
        settlement: { kind: 'completed', result: n === 2 ? undefined : `of ${id}` },
      })),
    })
    const results = await Promise.all(jobs.map(async ({ id }) => (await db.store.readJob(id))?.result))
    expect(results).toEqual(['of 9998', 'of 9999', undefined, 'of 10001', 'of 10002'])
  })
})

describe('a job that moves while it is being settled', () => {
  const connections = new Connections(db)
  afterEach(() => connections.close())

  /** Between looking where jobs lie and going there, everybody waits for an advisory lock. */
  const pauseBehindLook = (): Promise<unknown> =>
    db.query(`
      alter function kongtask.places_of(int4, int8[]) rename to places_of_at_once;
      create function kongtask.places_of(p_queue int4, p_ids int8[]) returns tid[] language plpgsql as $$
      declare v_places tid[] := kongtask.places_of_at_once(p_queue, p_ids);
      begin perform pg_advisory_xact_lock_shared(77); return v_places; end $$`)
  afterEach(() =>
    db.query(`
      drop function kongtask.places_of;
      alter function kongtask.places_of_at_once rename to places_of`),
  )

  // An operator marks it as cancelled, twice: the ledger row ends with this settlement, so nobody else would find it.
  it.each(kinds)('is settled all the same: %s', async (_, settlement, options) => {
    const { job } = await claimed(options)
    const [settling, operator] = [await connections.open(), await connections.open()]
    const move = 'update kongtask.jobs set crashes = crashes where id = $1'
    await pauseBehindLook()
    await operator.query('select pg_advisory_lock(77)')
    const refused = settle([job], settlement, { store: settling.store, closed: [job.lease.claim] })
    await connections.waits(settling)
    await operator.query(move, [job.id])
    await operator.query('select pg_advisory_unlock(77)')
    expect(await refused).toEqual(new Set())
    expect(await db.query('select from kongtask.jobs where worker <> 0')).toEqual([])
  })
})

describe('a completed job', () => {
  it('goes to history with its result, for as long as it is to be kept', async () => {
    const { job } = await claimed({ retain: 3_600_000, tags: ['a'], metadata: { b: 1 }, payload: '[1]' })
    await settle([job], completed)
    expect(await db.query('select from kongtask.jobs')).toEqual([])
    expect(await db.store.readJob(job.id)).toMatchObject({
      state: 'completed',
      result: { pages: 3 },
      attempt: 1,
      tags: ['a'],
      metadata: { b: 1 },
      payload: [1],
      finishedAt: expect.any(Date),
    })
    expect(await db.value(`select expires_at - finished_at = interval '1 h' from kongtask.history`)).toBe(
      true,
    )
  })

  it('is forgotten once that time is over', async () => {
    const { job } = await claimed({ retain: 3_600_000 })
    await settle([job], completed)
    await db.moveClock('59 m')
    expect(await db.store.readJob(job.id)).toBeDefined()
    await db.moveClock('61 m')
    expect(await db.store.readJob(job.id)).toBeUndefined()
  })

  it('leaves nothing behind where nothing is to be kept', async () => {
    const { job } = await claimed({ retain: false })
    await settle([job], completed, { closed: [1] })
    expect(await db.contents()).toMatchObject({ jobs: [], claims: [], history: [], history_overflow: [] })
  })

  it.each([[null], [false], [0], [''], [[]], [{}]])('keeps the result %j', async (result) => {
    const { job } = await claimed()
    await settle([job], { kind: 'completed', result })
    // JSON null is as good as no result to whoever reads the job.
    expect((await db.store.readJob(job.id))?.result ?? null).toEqual(result)
  })

  it('goes to the overflow where no day exists for its expiry', async () => {
    const { job } = await claimed({ retain: 400 * 86_400_000 })
    await settle([job], completed)
    expect(await db.value('select id::text from kongtask.history_overflow')).toBe(job.id)
    expect(await db.store.readJob(job.id)).toMatchObject({ state: 'completed', result: { pages: 3 } })
  })

  it('is kept even when the days have run out', async () => {
    const { job } = await claimed()
    await db.moveClock('40 days')
    await settle([job], completed)
    expect(await db.store.readJob(job.id)).toMatchObject({ state: 'completed' })
  })
})

describe('a failed attempt', () => {
  it('is tried again after its delay, with its number and time in the errors', async () => {
    const { job, worker } = await claimed()
    await settle([job], retry)
    expect(await db.store.readJob(job.id)).toMatchObject({
      state: 'scheduled',
      attempt: 1,
      errors: [{ ...error, attempt: 1, at: expect.any(Date) }],
    })
    expect(await worker.claim(1)).toEqual([])
    await db.moveClock('59 s')
    expect(await worker.claim(1)).toEqual([])
    await db.moveClock('61 s')
    expect(await worker.claimOne()).toMatchObject({ id: job.id, attempt: 2 })
  })

  it('adds its error to those of the earlier attempts, each with its own time', async () => {
    const { job, worker } = await claimed()
    await settle([job], { kind: 'retry', delay: 0, error: { name: 'A', message: 'one' } })
    await db.moveClock('1 h')
    await settle([await worker.claimOne()], { kind: 'retry', delay: 0, error: { name: 'B', message: 'two' } })
    await db.moveClock('2 h')
    const cause = { name: 'D', message: 'deeper', code: 'EDEEP' }
    const last = await worker.claimOne()
    expect(JSON.parse(last.errors ?? '')).toHaveLength(2)
    await settle([last], { kind: 'dead', reason: 'attempts', error: { name: 'C', message: 'three', cause } })
    const buried = await db.store.readJob(job.id)
    expect(buried).toMatchObject({
      state: 'dead',
      attempt: 3,
      errors: [
        { attempt: 1, name: 'A', message: 'one' },
        { attempt: 2, name: 'B', message: 'two' },
        { attempt: 3, name: 'C', message: 'three', cause },
      ],
    })
    const [one, two, three] = (buried?.errors ?? []).map(({ at }) => at.getTime())
    expect(two).toBeGreaterThanOrEqual(Number(one) + 3_600_000 - 60_000)
    expect(three).toBeGreaterThanOrEqual(Number(two) + 3_600_000 - 60_000)
  })

  it('keeps the first and the latest errors of very many', async () => {
    const { job, worker } = await claimed({ maxAttempts: 1_000 })
    let current = job
    for (let attempt = 1; attempt <= 103; attempt++) {
      await settle([current], { kind: 'retry', delay: 0, error: { name: 'E', message: `of ${attempt}` } })
      current = await worker.claimOne()
    }
    const errors = (await db.store.readJob(job.id))?.errors ?? []
    expect(errors).toHaveLength(100)
    expect(errors[0]).toMatchObject({ attempt: 1, message: 'of 1' })
    expect(errors[1]).toMatchObject({ attempt: 5, message: 'of 5' })
    expect(errors.at(-1)).toMatchObject({ attempt: 103, message: 'of 103' })
  })

  it('wakes those who wait for its queue', async () => {
    const { job } = await claimed()
    const heard = await listening()
    expect(await settle([job], { ...retry, delay: 5 })).toEqual(new Set())
    await heard(String(job.queueId))
  })

  /** Listens from now on; the answer resolves when a payload was heard. */
  async function listening(): Promise<(payload: string) => Promise<void>> {
    const client = await db.database.pool.connect()
    const payloads: (string | undefined)[] = []
    let wake = (): void => undefined
    client.on('notification', ({ payload }) => {
      payloads.push(payload)
      wake()
    })
    await client.query('listen "kongtask:ready"')
    return async (payload) => {
      while (!payloads.includes(payload)) await new Promise<void>((resolve) => (wake = resolve))
      client.release(true)
    }
  }
})

describe('a dead job', () => {
  it('is a dead letter with all that it was, and gone from the live ones', async () => {
    const { job } = await claimed({
      queue: 'q',
      payload: '{"a": 1}',
      priority: 4,
      tags: ['x'],
      maxAttempts: 9,
    })
    await settle([job], dead)
    expect(await db.query('select from kongtask.jobs')).toEqual([])
    expect(await db.store.readJob(job.id)).toMatchObject({
      id: job.id,
      task: 'work',
      queue: 'q',
      payload: { a: 1 },
      state: 'dead',
      attempt: 1,
      maxAttempts: 9,
      priority: 4,
      tags: ['x'],
      finishedAt: expect.any(Date),
      errors: [{ attempt: 1, name: 'Error', message: 'no' }],
    })
    expect(await db.value('select reason from kongtask.dead_letters')).toBe('permanent')
  })

  it('is kept even where a completed one would not be', async () => {
    const { job } = await claimed({ retain: false })
    await settle([job], dead)
    expect(await db.store.readJob(job.id)).toMatchObject({ state: 'dead' })
  })
})

describe('a snoozed job', () => {
  it('waits, and has its attempt back', async () => {
    const { job, worker } = await claimed()
    await settle([job], snoozed)
    expect(await db.store.readJob(job.id)).toMatchObject({ state: 'scheduled', attempt: 0, errors: [] })
    await db.moveClock('61 s')
    expect(await worker.claimOne()).toMatchObject({ attempt: 1 })
  })
})

describe('a cancelled job', () => {
  it('goes to history with the reason', async () => {
    const { job } = await claimed()
    await settle([job], cancelled)
    expect(await db.store.readJob(job.id)).toMatchObject({ state: 'cancelled' })
    expect(await db.value('select reason from kongtask.history')).toBe('not needed')
  })

  it('leaves nothing behind where nothing is to be kept', async () => {
    const { job } = await claimed({ retain: false })
    await settle([job], cancelled, { closed: [1] })
    expect(await db.contents()).toMatchObject({ jobs: [], claims: [], history: [], history_overflow: [] })
  })

  it('goes to the overflow where no day exists for its expiry', async () => {
    const { job } = await claimed({ retain: 400 * 86_400_000 })
    await settle([job], cancelled)
    expect(await db.store.readJob(job.id)).toMatchObject({ state: 'cancelled' })
  })
})

describe('a job that was cancelled while it ran', () => {
  const ends = kinds.filter(([, { kind }]) => kind !== 'completed')

  it.each(ends)('ends as that, however else it would have ended: %s', async (_, settlement) => {
    const { job } = await claimed()
    const order = { targets: { ids: [job.id] }, filter: {}, patience: 10_000 }
    expect(await db.store.operateJobs({ kind: 'cancel', reason: 'sold out' }, order)).toMatchObject([
      { status: 'told' },
    ])
    expect(await settle([job], settlement)).toEqual(new Set())
    expect(await db.store.readJob(job.id)).toMatchObject({ state: 'cancelled' })
    expect(await db.value('select reason from kongtask.history')).toBe('sold out')
  })
})

describe('a released job', () => {
  it('is ready again where it was, with its attempt back', async () => {
    const [before] = await db.add({}, {})
    const worker = await db.worker()
    const job = await worker.claimOne()
    await settle([job], released)
    expect(await db.store.readJob(job.id)).toMatchObject({ state: 'ready', attempt: 0, errors: [] })
    expect(await worker.claimOne()).toMatchObject({ id: before, attempt: 1, runAt: job.runAt, crashes: 0 })
  })
})

describe('a job whose processes died with it', () => {
  async function crashesAfter(settlement: Settlement): Promise<unknown> {
    const id = await db.addOne()
    await db.query('update kongtask.jobs set crashes = 2')
    const worker = await db.worker()
    const job = await worker.claimOne()
    expect(job).toMatchObject({ id, crashes: 2 })
    await settle([job], settlement)
    return db.value('select crashes from kongtask.jobs')
  }

  it.each([
    ['retry', retry],
    ['snoozed', snoozed],
  ] as const)('is no suspect any more once it ran to its end: %s', async (_, settlement) => {
    expect(await crashesAfter(settlement)).toBe(0)
  })

  it.each([
    ['released', released],
    ['deferred', deferred],
  ] as const)('stays one where it did not: %s', async (_, settlement) => {
    expect(await crashesAfter(settlement)).toBe(2)
  })
})

describe("a claim's row in the ledger", () => {
  it('goes with the last of its jobs', async () => {
    await db.add({}, {})
    const worker = await db.worker()
    const [one, two] = await worker.claim(2)
    if (one === undefined || two === undefined) throw new Error('two jobs were added')
    await settle([one], completed)
    expect(await db.ledger(worker.number)).toEqual([{ claim: 1, ids: [one.id, two.id] }])
    await settle([two], completed, { closed: [1] })
    expect(await db.ledger(worker.number)).toEqual([])
  })

  it('goes for its own queue and worker only', async () => {
    await db.add({ queue: 'a' }, { queue: 'b' })
    const [worker, other] = [await db.worker(), await db.worker()]
    const jobs = await worker.claim(2)
    await db.addOne({ queue: 'a' })
    await other.claim(1)
    await settle([first(jobs)], completed, { closed: [1] })
    expect(await db.ledger(worker.number)).toHaveLength(1)
    expect(await db.ledger(other.number)).toHaveLength(1)
  })
})

describe('two settlements at once', () => {
  it('of different jobs do not wait for each other', async () => {
    await db.add({}, {})
    const [one, two] = [await db.session(), await db.session()]
    const [worker, other] = [await db.worker(), await db.worker()]
    const [mine, theirs] = [await worker.claimOne(), await other.claimOne()]
    await one.query('begin')
    await settle([mine], dead, { store: one.store, closed: [1] })
    expect(await settle([theirs], completed, { store: two.store, closed: [1] })).toEqual(new Set())
    await one.query('commit')
    expect(await db.contents()).toMatchObject({ jobs: [], claims: [] })
  })

  it('of one job by the worker that was rescued and the one that has it: only the lease counts', async () => {
    await db.addOne()
    const [dying, heir] = [await db.worker(-1), await db.worker()]
    const old = await dying.claimOne()
    await db.store.rescueWorkers()
    const current = await heir.claimOne()
    const [late, timely] = await Promise.all([settle([old], dead), settle([current], completed)])
    expect([late, timely]).toEqual([new Set([old.id]), new Set()])
    expect(await db.store.readJob(old.id)).toMatchObject({ state: 'completed', attempt: 1 })
  })
})

describe('a settlement that is rolled back', () => {
  it('has not happened', async () => {
    const { job } = await claimed()
    const session = await db.session()
    const before = await db.contents()
    await session.query('begin')
    await settle([job], completed, { store: session.store, closed: [1] })
    await session.query('rollback')
    expect(await db.contents()).toEqual(before)
    expect(await settle([job], completed)).toEqual(new Set())
  })
})
