// A claim for who was told of one job and knows that nothing else is ready: it takes that job by its number, and leaves
// whatever is not plain to the claims that look.
import { describe, expect, it } from 'vitest'
import type { Claimed, ClaimRequest } from '../../src/store/claim-jobs.ts'
import type { Store } from '../../src/store/store.ts'
import { useStore, type FixtureJob, type FixtureWorker } from './fixture.ts'
import { completed, settle } from './keyed.ts'

const db = useStore()

let claims = 0

async function claim(
  worker: FixtureWorker,
  told: string,
  asked: Partial<ClaimRequest> = {},
  store: Store = db.store,
): Promise<Claimed> {
  claims += 1
  return store.claimJobs({
    ...worker.registration,
    claim: claims,
    queues: 'all',
    total: 10,
    tasks: await db.tasks(),
    isSurvey: false,
    told: { queue: (await db.queues()).get('default') ?? 0, id: told },
    ...asked,
  })
}

const idsOf = ({ jobs }: Claimed): string[] => jobs.map(({ id }) => id)

describe('a claim of the job that one was told of', () => {
  it('takes it and nothing else, and says no more', async () => {
    await db.add({ priority: 0 })
    const told = await db.addOne()
    const claimed = await claim(await db.worker(), told)
    expect([idsOf(claimed), claimed.dry, claimed.wasTold]).toEqual([[told], true, true])
    expect(claimed.end).toEqual({
      time: { now: 0, xid: undefined, xmin: 0 },
      paused: [],
      ends: [],
    })
  })

  it('brings all there is to bring of it, as a claim that looks does', async () => {
    const job: FixtureJob = {
      timeout: 1_500,
      tags: ['a b', 'c\nd'],
      maxAttempts: 3,
      payload: '{"to": "a\\tb"}',
    }
    const [told, twin] = await db.add(job, job)
    const worker = await db.worker()
    const { jobs } = await claim(worker, told ?? '')
    const others = await claim(worker, '0', { told: undefined })
    const bare = ({ jobs: [one] }: Pick<Claimed, 'jobs'>) => ({
      ...one,
      id: '',
      place: '',
      lease: { worker: one?.lease.worker, claim: 0 },
    })
    expect(others.jobs.map(({ id }) => id)).toEqual([twin])
    expect(bare({ jobs })).toEqual(bare(others))
    expect(jobs[0]).toMatchObject({ attempt: 1, kept: true, payload: '{"to": "a\\tb"}', ended: null })
    // The place is where it lies: what is settled by it is settled.
    await settle(db.store, jobs, completed)
    expect(await db.value('select count(*)::int4 from kongtask.jobs')).toBe(1)
  })

  it('writes it into the ledger under its own number', async () => {
    const told = await db.addOne()
    const worker = await db.worker()
    await claim(worker, told)
    expect(await db.ledger(worker.number)).toEqual([{ claim: claims, ids: [told] }])
  })

  it('tells why it must not run, where it was cancelled while it ran before', async () => {
    const told = await db.addOne()
    await db.query(`update kongtask.jobs set extras = '{"cancelled": "by\\nhand"}'`)
    const { jobs } = await claim(await db.worker(), told)
    expect(jobs).toMatchObject([{ id: told, ended: 'by\nhand' }])
  })

  it.each(['claimed', 'gone', 'locked'])(
    'finds nothing where it is %s, and looks for nothing',
    async (what) => {
      const told = await db.addOne()
      await db.add({}, {})
      const [one, other] = [await db.worker(), await db.worker()]
      const session = await db.session()
      if (what === 'claimed') await claim(other, told)
      if (what === 'gone') await db.query('delete from kongtask.jobs where id = $1', [told])
      await session.query('begin')
      if (what === 'locked') await session.query('select from kongtask.jobs where id = $1 for update', [told])
      const claimed = await claim(one, told)
      await session.query('rollback')
      expect([idsOf(claimed), claimed.dry, claimed.wasTold]).toEqual([[], true, true])
      expect(await db.ledger(one.number)).toEqual([])
    },
  )

  it('gives it to one of many who are told, and none waits for the other', async () => {
    const told = await db.addOne()
    const [one, other] = [await db.worker(), await db.worker()]
    const [first, second] = [await db.session(), await db.session()]
    await first.query('begin')
    expect(idsOf(await claim(one, told, {}, first.store))).toEqual([told])
    // It would fail after a second of waiting.
    expect(idsOf(await claim(other, told, {}, second.store))).toEqual([])
    await first.query('commit')
    expect(await db.ledger(other.number)).toEqual([])
  })
})

describe('a claim that was told of a job which is not plain', () => {
  interface Case {
    readonly job?: FixtureJob
    readonly after?: () => Promise<unknown>
    /** Whether a claim that looks takes it. */
    readonly isTaken: boolean
  }
  const cases: Readonly<Record<string, Case>> = {
    'not due': { job: { scheduledIn: 60_000 }, isTaken: false },
    'of a paused queue': { after: () => db.store.pauseQueue('default'), isTaken: false },
    'of a paused task': { after: () => db.store.pauseTask('work'), isTaken: false },
    parked: { after: () => db.query('update kongtask.jobs set lane = lane + 64'), isTaken: false },
    'back again': { after: () => db.query('update kongtask.jobs set lane = lane + 128'), isTaken: true },
    'of a serial key': { job: { serialKey: 's' }, isTaken: true },
    'under a limit': { job: { concurrency: { limit: 1, key: 'k' } }, isTaken: true },
    'of a queue with a concurrency': {
      after: () => db.query('update kongtask.queues set concurrency = 5'),
      isTaken: true,
    },
    'of a queue with a rate': {
      after: () => db.query(`update kongtask.queues set rate = '{"limit": 5, "per": 1000, "burst": 5}'`),
      isTaken: true,
    },
  }
  it.each(Object.keys(cases))('leaves it to one that looks: %s', async (name) => {
    const { job = {}, after, isTaken } = cases[name] ?? { isTaken: false }
    const told = await db.addOne(job)
    await after?.()
    const claimed = await claim(await db.worker(), told)
    expect([idsOf(claimed), claimed.wasTold]).toEqual([isTaken ? [told] : [], undefined])
  })

  it('leaves that of a task which this process does not know', async () => {
    const told = await db.addOne()
    expect(idsOf(await claim(await db.worker(), told, { tasks: [99] }))).toEqual([])
  })

  it('looks where it leaves jobs alone for their flags', async () => {
    const told = await db.addOne({ flags: ['big'] })
    expect(idsOf(await claim(await db.worker(), told, { forbiddenFlags: ['big'] }))).toEqual([])
  })
})

describe('who was declared dead', () => {
  it('takes nothing, and hears it', async () => {
    const told = await db.addOne()
    const worker = await db.worker()
    await db.query('update kongtask.workers set rescued_at = kongtask.clock()')
    await expect(claim(worker, told)).rejects.toMatchObject({ code: 'KT002' })
    expect(await db.ledger(worker.number)).toEqual([])
  })

  it('takes nothing under the number of another', async () => {
    const told = await db.addOne()
    const worker = await db.worker()
    const stranger = { nonce: '00000000-0000-4000-8000-000000000000' }
    await expect(claim(worker, told, stranger)).rejects.toMatchObject({ code: 'KT002' })
  })

  it('is not while such a claim is under way', async () => {
    const told = await db.addOne()
    const worker = await db.worker()
    const session = await db.session()
    await session.query('begin')
    await claim(worker, told, {}, session.store)
    const held = await db.query('select id from kongtask.workers where id = $1 for update skip locked', [
      worker.number,
    ])
    expect(held).toEqual([])
    await session.query('commit')
  })
})
