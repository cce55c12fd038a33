import { once } from 'node:events'
import pg from 'pg'
import { afterEach, describe, expect, it } from 'vitest'
import type { NewJobOptions } from '../../src/core/new-job.ts'
import type { Settlement } from '../../src/core/settlement.ts'
import { first, newJob, useStore, type FixtureJob, type FixtureWorker } from './fixture.ts'
import {
  cancelled,
  completed,
  Connections,
  dead,
  drop,
  error,
  redrive,
  released,
  setClock,
  settle,
  stopClock,
} from './keyed.ts'

const db = useStore()
const connections = new Connections(db)
afterEach(() => connections.close())

const idsOf = (jobs: readonly { readonly id: string }[]): string[] => jobs.map(({ id }) => id)
const many = (count: number, job: FixtureJob): FixtureJob[] => Array.from({ length: count }, () => job)
const keyed = (limit: number, key = 'a'): NewJobOptions => ({ concurrency: { limit, key } })

/** Each of its own call, as applications add them. */
async function addSingly(count: number, job: FixtureJob): Promise<string[]> {
  const ids: string[] = []
  for (let n = 0; n < count; n++) ids.push(await db.addOne(job))
  return ids
}

const parked = (): Promise<readonly Record<string, unknown>[]> =>
  db.query('select id::text, waits_for from kongtask.jobs where waits_for is not null order by id')
const held = async (): Promise<number> =>
  Number(await db.value('select count(*) from kongtask.jobs where worker <> 0'))

/** Claims and settles until nothing comes any more; answers the sizes of the claims and all ids in their order. */
async function runAll(
  worker: FixtureWorker,
  settlement: Settlement = completed,
): Promise<{ sizes: number[]; ids: string[] }> {
  const sizes: number[] = []
  const ids: string[] = []
  for (;;) {
    const jobs = await worker.claim(1000)
    if (jobs.length === 0) return { sizes, ids }
    sizes.push(jobs.length)
    ids.push(...idsOf(jobs))
    await settle(db.store, jobs, settlement)
  }
}

describe('a limit of concurrency', () => {
  const ways = [
    ['in one call', (count: number, job: FixtureJob) => db.add(...many(count, job))],
    ['one by one', addSingly],
  ] as const

  it.each(ways)('lets no more be held than it says, and all of them run: %s', async (_, add) => {
    const ids = await add(10, keyed(3))
    const worker = await db.worker()
    const jobs = await worker.claim(100)
    expect(idsOf(jobs)).toEqual(ids.slice(0, 3))
    expect(await worker.claim(100)).toEqual([])
    expect(await (await db.worker()).claim(100)).toEqual([])
    await settle(db.store, jobs.slice(0, 2), completed)
    const next = await worker.claim(100)
    expect(idsOf(next)).toEqual(ids.slice(3, 5))
    await settle(db.store, [...jobs.slice(2), ...next], completed)
    expect((await runAll(worker)).ids).toEqual(ids.slice(5))
    expect(await parked()).toEqual([])
  })

  it('parks what has to wait, so that claims do not meet it again', async () => {
    const ids = await addSingly(5, keyed(1))
    await (await db.worker()).claim(100)
    expect(await parked()).toEqual(ids.slice(1).map((id) => ({ id, waits_for: 'concurrency:key:a' })))
  })

  it('parks most of a bulk at once, and leaves some for whom it is meant', async () => {
    await db.add(...many(500, keyed(2)), ...many(3, keyed(2, 'b')), {})
    expect(await parked()).toHaveLength(499)
  })

  it('counts each key for itself, and each queue', async () => {
    await db.add(...many(4, keyed(1)), ...many(4, keyed(2, 'b')), ...many(4, { ...keyed(1), queue: 'other' }))
    const jobs = await (await db.worker()).claim(100)
    expect(jobs).toHaveLength(1 + 2 + 1)
  })

  it('of a key holds for all tasks, of a task for its own jobs', async () => {
    await db.add({ ...keyed(1), task: 'one' }, { ...keyed(1), task: 'two' })
    await db.add(...many(3, { task: 'one', queue: 'q', concurrency: { limit: 1 } }))
    await db.add(...many(3, { task: 'two', queue: 'q', concurrency: { limit: 2 } }))
    const jobs = await (await db.worker()).claim(100)
    expect(jobs).toHaveLength(1 + 1 + 2)
  })

  it('of a part of the payload is one for each value', async () => {
    const of = (tenant: string): FixtureJob => ({
      payload: JSON.stringify({ tenant: { id: tenant } }),
      concurrency: { limit: 1, by: 'tenant.id' },
    })
    await db.add(of('x'), of('x'), of('y'), { concurrency: { limit: 1, by: 'tenant.id' } })
    expect(await (await db.worker()).claim(100)).toHaveLength(3)
  })

  it('lets the best priority go first of those that wait, then the earliest', async () => {
    const [head] = await db.add(keyed(1))
    const [late] = await db.add({ ...keyed(1), priority: 5 })
    const [early] = await db.add({ ...keyed(1), priority: 5 })
    const [best] = await db.add({ ...keyed(1), priority: 0 })
    // The one that is claimed first: the best that is there.
    expect((await runAll(await db.worker())).ids).toEqual([best, head, late, early])
  })

  const ends: readonly (readonly [string, Settlement])[] = [
    ['completed', completed],
    ['dead', dead],
    ['cancelled', cancelled],
    ['retry', { kind: 'retry', delay: 3_600_000, error }],
    ['snoozed', { kind: 'snoozed', delay: 3_600_000 }],
  ]
  it.each(ends)('makes room for another when a job ends: %s', async (_, settlement) => {
    const ids = await addSingly(3, { ...keyed(1), retain: false })
    const worker = await db.worker()
    expect((await runAll(worker, settlement)).ids).toEqual(ids)
  })

  it('is kept by whoever is given back: it goes first again', async () => {
    const ids = await addSingly(3, keyed(1))
    const worker = await db.worker()
    for (let n = 0; n < 3; n++) {
      const jobs = await worker.claim(100)
      expect(idsOf(jobs)).toEqual(ids.slice(0, 1))
      await settle(db.store, jobs, released)
    }
  })

  it('outlives the process: what a dead one held runs again, and no more at once', async () => {
    const ids = await addSingly(4, keyed(2))
    const [lost, worker] = [await db.worker(), await db.worker()]
    await lost.claim(100)
    expect(await worker.claim(100)).toEqual([])
    await db.query(`update kongtask.workers set expires_at = now() - interval '1 s' where id = $1`, [
      lost.number,
    ])
    await db.store.rescueWorkers()
    const { sizes, ids: ran } = await runAll(worker)
    expect(ran.toSorted()).toEqual(ids.toSorted())
    expect(Math.max(...sizes)).toBe(2)
  })

  it('is freed by a handler that completes its job in a transaction of its own', async () => {
    const ids = await addSingly(2, keyed(1))
    const worker = await db.worker()
    const job = await worker.claimOne()
    const session = await db.session()
    await session.query('begin')
    await db.store.completeJob(
      job,
      { result: undefined, idle: 60_000 },
      { query: async (text, values) => ({ rows: await session.query(text, [...values]) }) },
    )
    expect(await worker.claim(100)).toEqual([])
    await session.query('commit')
    await db.store.concludeJobs({ worker: worker.number, queue: job.queueId, jobs: [job] })
    expect(idsOf(await worker.claim(100))).toEqual(ids.slice(1))
  })

  it.each(['cancel', 'delete'] as const)('goes on where the next in turn is taken away: %s', async (how) => {
    const ids = await addSingly(3, keyed(1))
    const worker = await db.worker()
    const jobs = await worker.claim(100)
    await settle(db.store, jobs, completed)
    await drop(db.store, ids[1] ?? '', how)
    expect(idsOf(await worker.claim(100))).toEqual(ids.slice(2))
  })

  it('goes on where one that was parked is taken away', async () => {
    const ids = await addSingly(3, keyed(1))
    const worker = await db.worker()
    const jobs = await worker.claim(100)
    await drop(db.store, ids[1] ?? '', 'delete')
    await settle(db.store, jobs, completed)
    expect(idsOf(await worker.claim(100))).toEqual(ids.slice(2))
  })

  it('holds for what is redriven', async () => {
    const ids = await addSingly(3, keyed(1))
    const worker = await db.worker()
    await runAll(worker, dead)
    await redrive(db.store, ids)
    expect(await worker.claim(100)).toHaveLength(1)
  })

  it('is the one that each job brings along: a later one may be wider', async () => {
    await addSingly(2, keyed(1))
    const worker = await db.worker()
    expect(await worker.claim(100)).toHaveLength(1)
    await addSingly(3, keyed(3))
    expect(await worker.claim(100)).toHaveLength(2)
    expect(await held()).toBe(3)
  })

  it('does not count what waits for its time', async () => {
    await db.add(...many(2, { ...keyed(1), scheduledIn: 3_600_000 }))
    const [now] = await db.add(keyed(1))
    expect(idsOf(await (await db.worker()).claim(100))).toEqual([now])
    expect(await parked()).toEqual([])
  })

  it('and a serial key together: in order, and no more than both allow', async () => {
    const both = (serialKey: string): FixtureJob => ({ ...keyed(2), serialKey })
    const ids = await db.add(both('x'), both('x'), both('y'), both('y'), both('z'), both('z'))
    const { ids: ran, sizes } = await runAll(await db.worker())
    expect(ran.toSorted()).toEqual(ids.toSorted())
    expect(Math.max(...sizes)).toBeLessThanOrEqual(2)
    for (const [before, after] of [
      [0, 1],
      [2, 3],
      [4, 5],
    ] as const) {
      expect(ran.indexOf(ids[before] ?? '')).toBeLessThan(ran.indexOf(ids[after] ?? ''))
    }
  })

  it('makes a job wait that has its serial key: the key stays with it', async () => {
    const [running] = await db.add(keyed(1))
    const both: FixtureJob = { ...keyed(1), serialKey: 'x' }
    const ids = [await db.addOne(both), await db.addOne({ serialKey: 'x' })]
    const worker = await db.worker()
    const jobs = await worker.claim(100)
    expect(idsOf(jobs)).toEqual([running])
    expect(await worker.claim(100)).toEqual([])
    expect(await db.value('select job_id::text from kongtask.serial_keys')).toBe(ids[0])
    await settle(db.store, jobs, completed)
    expect((await runAll(worker)).ids).toEqual(ids)
  })

  it('leaves those behind it alone: a backlog of one key, and another key runs at once', async () => {
    await addSingly(30, keyed(1))
    const [other] = await db.add(keyed(1, 'b'))
    const jobs = await (await db.worker()).claim(5)
    expect(idsOf(jobs)).toContain(other)
  })

  it('fills a claim with what is free behind what has to wait', async () => {
    await addSingly(20, keyed(2))
    await db.add(...many(20, {}))
    expect(await (await db.worker()).claim(10)).toHaveLength(10)
  })
})

describe('two claims at once', () => {
  it('let no more be held than the limit says, whoever comes first', async () => {
    await db.add(...many(300, keyed(7)), ...many(100, { ...keyed(3, 'b'), priority: 0 }))
    const workers = await Promise.all(Array.from({ length: 8 }, () => db.worker()))
    let most = 0
    let done = 0
    await Promise.all(
      workers.map(async (worker) => {
        const { store } = await connections.open()
        for (let dry = 0; dry < 20;) {
          const jobs = await worker.claim(4, store)
          dry = jobs.length === 0 ? dry + 1 : 0
          const rows = await db.query(`
            select limits -> 0 ->> 'gate' as gate, count(*)::int4 as held from kongtask.jobs where worker <> 0 group by 1`)
          for (const row of rows) {
            most = Math.max(most, Number(row['held']) - (row['gate'] === 'concurrency:key:a' ? 7 : 3))
          }
          await settle(store, jobs, completed)
          done += jobs.length
        }
      }),
    )
    expect(most).toBe(0)
    expect(done).toBe(400)
  })

  it('of the same key do not wait for each other: one of them leaves the jobs to the other', async () => {
    const ids = await addSingly(2, keyed(5))
    const [one, two] = [await connections.open(), await db.session()]
    const [a, b] = [await db.worker(), await db.worker()]
    await one.query('begin')
    expect(idsOf(await a.claim(1, one.store))).toEqual(ids.slice(0, 1))
    expect(await b.claim(1, two.store)).toEqual([])
    await one.query('commit')
    expect(idsOf(await b.claim(1, two.store))).toEqual(ids.slice(1))
  })
})

describe('the sweep', () => {
  /** All gates; answers how many jobs it let go. */
  async function sweep(): Promise<number> {
    let opened = 0
    for (let batch = await db.store.liftGates(); ; batch = await db.store.liftGates(batch.next)) {
      opened += batch.opened
      if (batch.next === undefined) return opened
    }
  }

  it('goes through all gates of all queues', async () => {
    const gates = Array.from({ length: 450 }, (_, n) => keyed(1, `k${n % 150}`))
    await db.add(...gates, ...gates.map((job) => ({ ...job, queue: 'other' })))
    await db.query('delete from kongtask.jobs where waits_for is null')
    expect(await sweep()).toBe(300)
    expect(await sweep()).toBe(300)
    expect(await sweep()).toBe(0)
  })

  it('lets go on what is parked where nobody is left to do it', async () => {
    const ids = await addSingly(4, keyed(2))
    const worker = await db.worker()
    await worker.claim(100)
    // By hand, as one should not.
    await db.query('delete from kongtask.jobs where waits_for is null')
    expect(await worker.claim(100)).toEqual([])
    expect(await sweep()).toBe(2)
    expect(idsOf(await worker.claim(100))).toEqual(ids.slice(2))
  })

  it('finds nothing to do where all is well', async () => {
    await addSingly(4, keyed(2))
    await addSingly(4, { rateLimit: { limit: 1, per: 60_000, key: 'r' } })
    await (await db.worker()).claim(100)
    expect(await sweep()).toBe(0)
  })
})

describe('a rate', () => {
  const rate = (limit: number, per: number, burst?: number): FixtureJob => ({
    rateLimit: { limit, per, key: 'r', ...(burst === undefined ? {} : { burst }) },
  })
  const START = Date.parse('2026-11-22T12:00:00Z')
  const at = (ms: number): Promise<void> => setClock(db, START + ms)
  const stop = async (): Promise<void> => {
    await stopClock(db)
    await at(0)
  }

  it('lets one start, then the next when its time has come', async () => {
    await stop()
    const ids = await addSingly(3, rate(1, 1000))
    const worker = await db.worker()
    expect(idsOf(await worker.claim(100))).toEqual(ids.slice(0, 1))
    await at(999)
    expect(await worker.claim(100)).toEqual([])
    await at(1000)
    expect(idsOf(await worker.claim(100))).toEqual(ids.slice(1, 2))
    await at(2000)
    expect(idsOf(await worker.claim(100))).toEqual(ids.slice(2))
  })

  it.each(['in one call', 'one by one'])(
    'lets no more start in any period than it says and its burst: %s',
    async (how) => {
      await stop()
      const job = rate(10, 60_000, 5)
      await (how === 'in one call' ? db.add(...many(60, job)) : addSingly(60, job))
      const worker = await db.worker()
      const starts: number[] = []
      for (let now = 0; starts.length < 60 && now < 600_000; now += 1_000) {
        await at(now)
        const jobs = await worker.claim(100)
        starts.push(...jobs.map(() => now))
        await settle(db.store, jobs, completed)
      }
      expect(starts).toHaveLength(60)
      for (const start of starts) {
        expect(starts.filter((each) => each >= start && each < start + 60_000).length).toBeLessThanOrEqual(15)
      }
      // And not much fewer: all tokens are used.
      expect(Math.max(...starts)).toBeLessThanOrEqual(((60 - 5) / 10) * 60_000 + 1_000)
    },
  )

  it('says when there is more to start, so that nobody has to poll', async () => {
    await stop()
    await addSingly(2, rate(1, 10_000))
    const worker = await db.worker()
    await worker.claim(100)
    const { nextDueIn } = await db.store.claimJobs({
      ...worker.registration,
      claim: 100,
      queues: 'all',
      total: 10,
      tasks: await db.tasks(),
    })
    expect(nextDueIn).toBe(10_000)
  })

  it('burns no attempt of those that wait', async () => {
    await stop()
    await addSingly(2, rate(1, 1000))
    const worker = await db.worker()
    await worker.claim(100)
    await at(1000)
    expect(first(await worker.claim(100)).attempt).toBe(1)
  })

  it('counts the start of a job that is given back before its handler began', async () => {
    await stop()
    await db.addOne(rate(1, 1000))
    const worker = await db.worker()
    await settle(db.store, await worker.claim(100), released)
    expect(await worker.claim(100)).toEqual([])
    await at(1000)
    expect(await worker.claim(100)).toHaveLength(1)
  })

  it('of thousands a second comes in portions', async () => {
    await stop()
    await db.add(...many(1000, rate(2000, 1000)))
    const worker = await db.worker()
    expect(await worker.claim(1000)).toHaveLength(1)
    let started = 1
    for (let now = 50; now <= 500; now += 50) {
      await at(now)
      await worker.claim(1000)
      started = await held()
    }
    expect(started).toBeGreaterThan(700)
    expect(started).toBeLessThanOrEqual(1000)
  })

  it('forgives a clock that goes back', async () => {
    await stop()
    const ids = await addSingly(2, rate(1, 1000))
    const worker = await db.worker()
    await worker.claim(100)
    await at(-3_600_000)
    expect(await worker.claim(100)).toEqual([])
    await at(1000)
    expect(idsOf(await worker.claim(100))).toEqual(ids.slice(1))
  })

  it('and a limit of concurrency together: no token is taken by who has to wait for room', async () => {
    await stop()
    const both: FixtureJob = { ...rate(1, 1000, 2), ...keyed(1) }
    const ids = await addSingly(3, both)
    const worker = await db.worker()
    const [head] = await worker.claim(100)
    expect(head?.id).toBe(ids[0])
    await settle(db.store, head === undefined ? [] : [head], completed)
    const [next] = await worker.claim(100)
    expect(next?.id).toBe(ids[1])
    await settle(db.store, next === undefined ? [] : [next], completed)
    expect(await worker.claim(100)).toEqual([])
    await at(1000)
    expect(idsOf(await worker.claim(100))).toEqual(ids.slice(2))
  })
})

describe('a limit of a queue', () => {
  const limit = (concurrency: number | null, rate: object | null = null): Promise<unknown> =>
    db.query(`update kongtask.queues set concurrency = $1, rate = $2 where name = 'default'`, [
      concurrency,
      rate === null ? null : JSON.stringify(rate),
    ])

  it('lets no more of its jobs be held than it says, whoever claims', async () => {
    await db.add(...many(10, {}))
    await limit(4)
    const [a, b] = [await db.worker(), await db.worker()]
    const jobs = await a.claim(3)
    expect(jobs).toHaveLength(3)
    expect(await b.claim(3)).toHaveLength(1)
    expect(await b.claim(3)).toEqual([])
    await settle(db.store, jobs, completed)
    expect(await b.claim(10)).toHaveLength(3)
  })

  it('is judged by one claim at a time', async () => {
    await db.add(...many(10, {}))
    await limit(4)
    const [one, two] = [await db.session(), await db.session()]
    const [a, b] = [await db.worker(), await db.worker()]
    await one.query('begin')
    expect(await a.claim(3, one.store)).toHaveLength(3)
    expect(await b.claim(3, two.store)).toEqual([])
    await one.query('commit')
    expect(await b.claim(3, two.store)).toHaveLength(1)
  })

  it('counts what was claimed before it was set', async () => {
    await db.add(...many(10, {}))
    const worker = await db.worker()
    await worker.claim(3)
    await limit(4)
    expect(await worker.claim(10)).toHaveLength(1)
  })

  it('counts jobs with limits of their own like those without', async () => {
    const worker = await db.worker()
    for (const options of [{ concurrency: { limit: 9 } }, {}]) {
      await db.add(...many(2, options))
      expect(await worker.claim(10)).toHaveLength(2)
    }
    await limit(5)
    await db.add(...many(5, {}))
    expect(await worker.claim(10)).toHaveLength(1)
  })

  it('costs other queues nothing, and is over when it is taken away', async () => {
    await db.add(...many(5, {}), ...many(5, { queue: 'other' }))
    await limit(1)
    const worker = await db.worker()
    expect(await worker.claim(100)).toHaveLength(6)
    await limit(null)
    expect(await worker.claim(100)).toHaveLength(4)
  })

  it('may be a rate', async () => {
    await stopClock(db)
    const start = Date.parse('2026-11-22T12:00:00Z')
    await setClock(db, start)
    await db.add(...many(10, {}))
    await limit(null, { limit: 2, per: 1000, burst: 3 })
    const worker = await db.worker()
    expect(await worker.claim(100)).toHaveLength(3)
    expect(await worker.claim(100)).toEqual([])
    await setClock(db, start + 1000)
    expect(await worker.claim(100)).toHaveLength(2)
    await setClock(db, start + 1499)
    expect(await worker.claim(100)).toEqual([])
    await setClock(db, start + 1500)
    expect(await worker.claim(100)).toHaveLength(1)
  })

  it('that is full is told of when it has room', async () => {
    await db.add(...many(2, {}))
    await limit(1)
    const worker = await db.worker()
    const jobs = await worker.claim(10)
    const listener = new pg.Client({ connectionString: db.database.connectionString })
    await listener.connect()
    try {
      await listener.query('listen "kongtask:ready"')
      const told = once(listener, 'notification')
      await settle(db.store, jobs, completed)
      expect(await told).toEqual([expect.objectContaining({ payload: String(first(jobs).queueId) })])
    } finally {
      await listener.end()
    }
    expect(await worker.claim(10)).toHaveLength(1)
  })
})

describe('outside of READ COMMITTED', () => {
  it('a claim says that limits cannot be kept there', async () => {
    await db.add(keyed(1))
    const session = await db.session()
    await session.query(`set default_transaction_isolation = 'repeatable read'`)
    const worker = await db.worker()
    await expect(worker.claim(1, session.store)).rejects.toThrow(/limits need READ COMMITTED/)
    await db.query('delete from kongtask.jobs')
    await db.add({})
    expect(await worker.claim(1, session.store)).toHaveLength(1)
  })
})

it('jobs of one call may be thousands, each with a key of its own', async () => {
  const jobs = Array.from({ length: 5_000 }, (_, n) => newJob({ serialKey: `s${n}`, ...keyed(1, `k${n}`) }))
  expect(await db.store.insertJobs(jobs)).toHaveLength(5_000)
})
