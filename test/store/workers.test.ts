import { afterEach, describe, expect, it } from 'vitest'
import type { ClaimedJob } from '../../src/store/claim-jobs.ts'
import type { Store } from '../../src/store/store.ts'
import { first, useStore, type FixtureWorker } from './fixture.ts'
import { Connections } from './keyed.ts'

const db = useStore()
const connections = new Connections(db)
afterEach(() => connections.close())

const nobody = { workers: 0, jobs: 0 }

async function beat(
  worker: FixtureWorker,
  { lease = 60_000, known = [], before = 1 }: { lease?: number; known?: number[]; before?: number } = {},
): Promise<boolean> {
  const { alive } = await db.store.heartbeat({ ...worker.registration, lease, known, before, heard: [] })
  return alive
}

async function complete(job: ClaimedJob, store: Store): Promise<ReadonlySet<string>> {
  const { refused } = await store.settleJobs({
    worker: job.lease.worker,
    queue: job.queueId,
    closed: [job.lease.claim],
    jobs: [{ ...job, settlement: { kind: 'completed', result: undefined } }],
  })
  return refused
}

/** Its lease runs out now. */
async function expire(worker: FixtureWorker): Promise<void> {
  await db.query(
    `update kongtask.workers set expires_at = clock_timestamp() - interval '1 s' where id = $1`,
    [worker.number],
  )
}

describe('a registration', () => {
  it('has a number and a secret of its own', async () => {
    const [one, two] = [await db.worker(), await db.worker()]
    expect(one.number).not.toBe(two.number)
    expect(one.registration.nonce).not.toBe(two.registration.nonce)
  })

  it('never gets a number that was used before', async () => {
    const gone = await db.worker()
    await db.store.unregisterWorker(gone.registration)
    expect((await db.worker()).number).toBeGreaterThan(gone.number)
  })

  it('holds what people want to know', async () => {
    await db.store.registerWorker(1_000, { host: 'here' })
    expect(await db.value('select info from kongtask.workers')).toEqual({ host: 'here' })
  })
})

describe('a heartbeat', () => {
  it('renews the lease', async () => {
    const worker = await db.worker(-1)
    expect(await beat(worker)).toBe(true)
    expect(await db.store.rescueWorkers()).toEqual(nobody)
  })

  it('does not move the lease of others', async () => {
    const [worker] = [await db.worker(), await db.worker(-1)]
    await beat(worker)
    expect(await db.store.rescueWorkers()).toEqual({ workers: 1, jobs: 0 })
  })

  it('of one that was declared dead says so and renews nothing', async () => {
    const worker = await db.worker(-1)
    await db.store.rescueWorkers()
    expect(await beat(worker)).toBe(false)
    expect(await db.query('select from kongtask.workers')).toEqual([])
  })

  it('of one whose jobs are still being taken back says so, too', async () => {
    await db.addOne()
    const worker = await db.worker(-1)
    const job = await worker.claimOne()
    const settling = await db.session()
    await settling.query('begin')
    await complete(job, settling.store)
    await db.store.rescueWorkers()
    // Its row is still there, for the ledger is not empty.
    expect(await db.query('select from kongtask.workers')).toHaveLength(1)
    expect(await beat(worker)).toBe(false)
    await settling.query('rollback')
  })

  it('sees, too, whether there are others to rescue', async () => {
    const worker = await db.worker()
    const seen = async (): Promise<unknown> => {
      const { others } = await db.store.heartbeat({
        ...worker.registration,
        lease: 60_000,
        known: [],
        before: 1,
        heard: [],
      })
      return others
    }
    expect(await seen()).toEqual({ rescue: false, absent: false })
    await db.worker(-1)
    expect(await seen()).toEqual({ rescue: true, absent: false })
  })

  it('with the wrong secret is refused', async () => {
    const [worker, impostor] = [await db.worker(), await db.worker()]
    const beating = { worker: worker.number, nonce: impostor.registration.nonce }
    expect(await db.store.heartbeat({ ...beating, lease: 1_000, known: [], before: 1, heard: [] })).toEqual({
      alive: false,
      messages: [],
      others: { rescue: false, absent: false },
      isSeen: false,
    })
  })
})

describe('a claim whose answer was lost', () => {
  it('is given back by the next heartbeat', async () => {
    const id = await db.addOne()
    const worker = await db.worker()
    await worker.claim(1)
    expect(await beat(worker, { known: [], before: 2 })).toBe(true)
    expect(await db.store.readJob(id)).toMatchObject({ state: 'ready', attempt: 0 })
    expect(await db.ledger(worker.number)).toEqual([])
    expect(await worker.claimOne()).toMatchObject({ id, attempt: 1, crashes: 0 })
  })

  it('is left alone while it is known', async () => {
    const id = await db.addOne()
    const worker = await db.worker()
    await worker.claim(1)
    await beat(worker, { known: [1], before: 2 })
    expect(await db.store.readJob(id)).toMatchObject({ state: 'running' })
  })

  it('is left alone while it may still be on its way', async () => {
    const [early, late] = await db.add({}, {})
    const worker = await db.worker()
    await worker.claim(1)
    await worker.claim(1)
    await beat(worker, { known: [], before: 2 })
    expect(await db.store.readJob(early ?? '')).toMatchObject({ state: 'ready' })
    expect(await db.store.readJob(late ?? '')).toMatchObject({ state: 'running' })
  })

  it('of another worker is not touched', async () => {
    const id = await db.addOne()
    const [worker, other] = [await db.worker(), await db.worker()]
    await other.claim(1)
    await beat(worker, { known: [], before: 2 })
    expect(await db.store.readJob(id)).toMatchObject({ state: 'running' })
  })

  it('keeps its row in the ledger while a job of it is being settled', async () => {
    await db.add({}, {})
    const worker = await db.worker()
    const [one, two] = await worker.claim(2)
    if (one === undefined || two === undefined) throw new Error('two jobs were added')
    const settling = await db.session()
    await settling.query('begin')
    await settling.store.settleJobs({
      worker: worker.number,
      queue: one.queueId,
      closed: [],
      jobs: [{ ...one, settlement: { kind: 'completed', result: undefined } }],
    })
    await beat(worker, { known: [], before: 2 })
    expect(await db.store.readJob(two.id)).toMatchObject({ state: 'ready' })
    expect(await db.ledger(worker.number)).toHaveLength(1)
    await settling.query('rollback')
    expect(await db.store.readJob(one.id)).toMatchObject({ state: 'running' })
    await beat(worker, { known: [], before: 2 })
    expect(await db.store.readJob(one.id)).toMatchObject({ state: 'ready' })
    expect(await db.ledger(worker.number)).toEqual([])
  })
})

describe('a rescue', () => {
  it('leaves those alone whose lease holds', async () => {
    const id = await db.addOne()
    await (await db.worker()).claim(1)
    expect(await db.store.rescueWorkers()).toEqual(nobody)
    expect(await db.store.readJob(id)).toMatchObject({ state: 'running' })
  })

  it('returns every job of one whose lease ran out, and forgets it', async () => {
    const ids = await db.add({ queue: 'a' }, { queue: 'b' }, { queue: 'a' })
    const worker = await db.worker()
    await worker.claim(2)
    await worker.claim(1)
    await expire(worker)
    expect(await db.store.rescueWorkers()).toEqual({ workers: 1, jobs: 3 })
    expect(await db.query('select from kongtask.workers')).toEqual([])
    expect(await db.ledger(worker.number)).toEqual([])
    for (const id of ids) expect(await db.store.readJob(id)).toMatchObject({ state: 'ready' })
    expect(await db.store.rescueWorkers()).toEqual(nobody)
  })

  it('takes back what its lease names, and nothing that others have by now', async () => {
    const [given, kept] = await db.add({}, {})
    const [worker, other] = [await db.worker(), await db.worker()]
    const [one] = await worker.claim(2)
    if (one === undefined) throw new Error('two jobs were added')
    // Its claim still has another job, so the ledger goes on to name both.
    await db.store.settleJobs({
      worker: worker.number,
      queue: one.queueId,
      closed: [],
      jobs: [{ ...one, settlement: { kind: 'released' } }],
    })
    expect(await other.claimOne()).toMatchObject({ id: given })
    await expire(worker)
    expect(await db.store.rescueWorkers()).toEqual({ workers: 1, jobs: 1 })
    expect(await db.query('select id::text, worker, crashes from kongtask.jobs order by id')).toEqual([
      { id: given, worker: other.number, crashes: 0 },
      { id: kept, worker: 0, crashes: 1 },
    ])
  })

  it('leaves one alone that renews its lease while others are being rescued', async () => {
    // More than are fetched, and locked, at first.
    const workers: FixtureWorker[] = []
    for (let n = 0; n < 12; n++) workers.push(await db.worker(-1))
    const last = workers[11]
    if (last === undefined) throw new Error('there are twelve')
    await db.query(`select kongtask.tell_worker($1, '{"kind": "drain"}')`, [first(workers).number])
    const [rescuing, holding] = await connections.many(2)
    await holding?.query('begin')
    await holding?.query('delete from kongtask.messages')
    const rescue = rescuing?.store.rescueWorkers()
    if (rescuing !== undefined) await connections.waits(rescuing)
    expect(await beat(last)).toBe(true)
    await holding?.query('rollback')
    expect(await rescue).toEqual({ workers: 11, jobs: 0 })
    expect(await beat(last)).toBe(true)
  })

  it('consumes no attempt and counts a crash, each time', async () => {
    await db.addOne()
    for (let crashes = 0; crashes < 3; crashes++) {
      const worker = await db.worker()
      expect(await worker.claimOne()).toMatchObject({ attempt: 1, crashes })
      await expire(worker)
      await db.store.rescueWorkers()
    }
    expect(await db.query('select attempt, crashes from kongtask.jobs')).toEqual([{ attempt: 0, crashes: 3 }])
  })

  it('by two at once happens once, and neither waits', async () => {
    await db.add({}, {}, {})
    const worker = await db.worker()
    await worker.claim(3)
    await expire(worker)
    const [one, two] = [await db.session(), await db.session()]
    await one.query('begin')
    expect(await one.store.rescueWorkers()).toEqual({ workers: 1, jobs: 3 })
    expect(await two.store.rescueWorkers()).toEqual(nobody)
    await one.query('commit')
    expect(await two.store.rescueWorkers()).toEqual(nobody)
    expect(await db.query('select distinct crashes from kongtask.jobs')).toEqual([{ crashes: 1 }])
  })

  it('by many at once counts each job once', async () => {
    await db.add(...Array.from({ length: 40 }, () => ({})))
    const workers = [await db.worker(), await db.worker(), await db.worker(), await db.worker()]
    for (const worker of workers) await worker.claim(10)
    for (const worker of workers) await expire(worker)
    const sessions = await Promise.all([1, 2, 3, 4].map(() => db.session()))
    const rescued = await Promise.all(sessions.map(({ store }) => store.rescueWorkers()))
    const sum = (pick: (one: (typeof rescued)[number]) => number): number =>
      rescued.reduce((total, one) => total + pick(one), 0)
    expect([sum(({ workers: found }) => found), sum(({ jobs }) => jobs)]).toEqual([4, 40])
    expect(await db.query('select distinct crashes, attempt, worker from kongtask.jobs')).toEqual([
      { crashes: 1, attempt: 0, worker: 0 },
    ])
  })

  it('leaves a job that is being settled for the next look, and that settlement counts', async () => {
    const [settled, lost] = await db.add({}, {})
    const worker = await db.worker()
    const one = await worker.claimOne()
    await worker.claimOne()
    await expire(worker)
    const settling = await db.session()
    await settling.query('begin')
    expect(await complete(one, settling.store)).toEqual(new Set())
    expect(await db.store.rescueWorkers()).toEqual({ workers: 1, jobs: 1 })
    expect(await db.ledger(worker.number)).toEqual([{ claim: 1, ids: [settled] }])
    await settling.query('commit')
    expect(await db.store.rescueWorkers()).toEqual(nobody)
    expect(await db.ledger(worker.number)).toEqual([])
    expect(await db.query('select from kongtask.workers')).toEqual([])
    expect(await db.store.readJob(settled ?? '')).toMatchObject({ state: 'completed' })
    expect(await db.store.readJob(lost ?? '')).toMatchObject({ state: 'ready' })
  })

  it('takes that job at the next look where the settlement was rolled back', async () => {
    const id = await db.addOne()
    const worker = await db.worker()
    const job = await worker.claimOne()
    await expire(worker)
    const settling = await db.session()
    await settling.query('begin')
    await complete(job, settling.store)
    expect(await db.store.rescueWorkers()).toEqual({ workers: 1, jobs: 0 })
    await settling.query('rollback')
    expect(await db.store.rescueWorkers()).toEqual({ workers: 0, jobs: 1 })
    expect(await db.store.readJob(id)).toMatchObject({ state: 'ready', attempt: 0 })
    expect(await db.query('select from kongtask.workers')).toEqual([])
  })

  it('lets a settlement that comes a moment too late change nothing', async () => {
    await db.addOne()
    const worker = await db.worker()
    const job = await worker.claimOne()
    await expire(worker)
    await db.store.rescueWorkers()
    expect(await complete(job, db.store)).toEqual(new Set([job.id]))
    expect(await db.store.readJob(job.id)).toMatchObject({ state: 'ready' })
  })

  it('does not move with the clock that jobs live by', async () => {
    await db.worker()
    await db.moveClock('1 year')
    expect(await db.store.rescueWorkers()).toEqual(nobody)
  })

  it('wakes those who wait for the queue', async () => {
    const job = await (async () => {
      await db.addOne()
      const worker = await db.worker()
      const claimed = await worker.claimOne()
      await expire(worker)
      return claimed
    })()
    const client = await db.database.pool.connect()
    const heard = new Promise<string | undefined>((resolve) =>
      client.on('notification', ({ payload }) => resolve(payload)),
    )
    await client.query('listen "kongtask:ready"')
    await db.store.rescueWorkers()
    expect(await heard).toBe(String(job.queueId))
    client.release(true)
  })
})

describe('after an outage', () => {
  /** All clocks of all processes go on by this, in which nobody was heard. */
  async function outage(by: string): Promise<void> {
    await db.query(
      `update kongtask.workers
          set started_at = started_at - $1::interval, heartbeat_at = heartbeat_at - $1::interval,
              expires_at = expires_at - $1::interval, unbroken_since = unbroken_since - $1::interval`,
      [by],
    )
  }

  /** It has been heard for longer by this. */
  async function goOn({ number }: FixtureWorker, by: string): Promise<void> {
    await db.query(
      'update kongtask.workers set unbroken_since = unbroken_since - $2::interval where id = $1',
      [number, by],
    )
  }

  it('the first one that is back takes nobody for dead, and the others keep their jobs', async () => {
    const id = await db.addOne()
    const [early, late] = [await db.worker(), await db.worker()]
    await late.claimOne()
    await outage('2 min')
    // It does not know yet how long it was away itself.
    expect(await db.store.rescueWorkers(early.number)).toEqual(nobody)
    expect(await beat(early)).toBe(true)
    expect(await db.store.rescueWorkers(early.number)).toEqual(nobody)
    await goOn(early, '59 s')
    expect(await db.store.rescueWorkers(early.number)).toEqual(nobody)
    expect(await beat(late, { known: [1], before: 2 })).toBe(true)
    expect(await db.store.readJob(id)).toMatchObject({ state: 'running' })
  })

  it('whoever is not back when another was heard for a lease is dead', async () => {
    const id = await db.addOne()
    const [early, dead] = [await db.worker(), await db.worker()]
    await dead.claimOne()
    await outage('2 min')
    await beat(early)
    await goOn(early, '61 s')
    await beat(early)
    expect(await db.store.rescueWorkers(early.number)).toEqual({ workers: 1, jobs: 1 })
    expect(await db.store.readJob(id)).toMatchObject({ state: 'ready' })
  })

  it('one that is just being started does not either, for a lease', async () => {
    await db.worker()
    await outage('2 min')
    const starting = await db.worker()
    expect(await db.store.rescueWorkers(starting.number)).toEqual(nobody)
    // Nor one that comes behind it.
    const next = await db.worker()
    expect(await db.store.rescueWorkers(next.number)).toEqual(nobody)
    await goOn(starting, '61 s')
    expect(await db.store.rescueWorkers(starting.number)).toEqual({ workers: 1, jobs: 0 })
  })

  it('whoever was declared dead before it is followed up at once', async () => {
    const id = await db.addOne()
    const [dead, other] = [await db.worker(), await db.worker()]
    await dead.claimOne()
    const holding = await db.session()
    await holding.query('begin')
    await holding.query('select from kongtask.jobs for update')
    await expire(dead)
    expect(await db.store.rescueWorkers()).toEqual({ workers: 1, jobs: 0 })
    await holding.query('rollback')
    await outage('2 min')
    await beat(other)
    expect(await db.store.rescueWorkers(other.number)).toEqual({ workers: 0, jobs: 1 })
    expect(await db.store.readJob(id)).toMatchObject({ state: 'ready' })
  })

  it('one that was declared dead itself takes nobody for dead', async () => {
    const [lost] = [await db.worker(), await db.worker(-1)]
    await goOn(lost, '2 min')
    await db.query('update kongtask.workers set rescued_at = clock_timestamp() where id = $1', [lost.number])
    expect(await db.store.rescueWorkers(lost.number)).toEqual(nobody)
  })
})

describe('where one was heard at all times', () => {
  it('another that is just being started in place of a dead one takes its jobs when its lease is over', async () => {
    await db.addOne()
    const dead = await db.worker()
    await dead.claimOne()
    // Started long ago, and heard a moment ago.
    await db.query(`update kongtask.workers set unbroken_since = unbroken_since - interval '1 min'`)
    const heir = await db.worker()
    expect(await db.store.rescueWorkers(heir.number)).toEqual(nobody)
    await expire(dead)
    expect(await db.store.rescueWorkers(heir.number)).toEqual({ workers: 1, jobs: 1 })
  })
})

describe('one that ends in good order', () => {
  it('leaves no trace, and what it still had goes back without a crash', async () => {
    const id = await db.addOne()
    const worker = await db.worker()
    await worker.claim(1)
    await db.store.unregisterWorker(worker.registration)
    expect(await db.contents()).toMatchObject({ workers: [], claims: [] })
    expect(first(await db.query('select id::text, attempt, crashes, worker from kongtask.jobs'))).toEqual({
      id,
      attempt: 0,
      crashes: 0,
      worker: 0,
    })
  })

  it('may say so twice', async () => {
    const worker = await db.worker()
    await db.store.unregisterWorker(worker.registration)
    await expect(db.store.unregisterWorker(worker.registration)).resolves.toBeUndefined()
  })

  it('waits for a claim of its that is under way, and gives back what that took', async () => {
    const id = await db.addOne()
    const worker = await db.worker()
    const [claiming, ending] = await connections.many(2)
    await claiming?.query('begin')
    expect(await worker.claim(1, claiming?.store)).toHaveLength(1)
    const ended = ending?.store.unregisterWorker(worker.registration)
    if (ending !== undefined) await connections.waits(ending)
    await claiming?.query('commit')
    await ended
    expect(await db.store.readJob(id)).toMatchObject({ state: 'ready', attempt: 0 })
    expect(await db.contents()).toMatchObject({ workers: [], claims: [] })
  })

  it('cannot end another', async () => {
    const [worker, impostor] = [await db.worker(), await db.worker()]
    await db.store.unregisterWorker({ worker: worker.number, nonce: impostor.registration.nonce })
    expect(await beat(worker)).toBe(true)
  })

  it('keeps its row for the rescue while a job of it is locked', async () => {
    const id = await db.addOne()
    const worker = await db.worker()
    const job = await worker.claimOne()
    const settling = await db.session()
    await settling.query('begin')
    await complete(job, settling.store)
    await db.store.unregisterWorker(worker.registration)
    await settling.query('rollback')
    await expire(worker)
    expect(await db.store.rescueWorkers()).toMatchObject({ jobs: 1 })
    expect(await db.store.readJob(id)).toMatchObject({ state: 'ready' })
  })

  it('is not blamed by that rescue, though the job ran alone', async () => {
    const id = await db.addOne()
    const worker = await db.worker()
    const job = await worker.claimOne()
    await db.store.runAlone(worker.registration, { id, claim: job.lease.claim })
    const settling = await db.session()
    await settling.query('begin')
    await complete(job, settling.store)
    await db.store.unregisterWorker(worker.registration)
    await settling.query('rollback')
    await expire(worker)
    await db.store.rescueWorkers()
    expect(await db.query('select id::text, crashes from kongtask.jobs')).toEqual([{ id, crashes: 0 }])
  })
})
