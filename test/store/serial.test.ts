import { afterEach, describe, expect, it } from 'vitest'
import type { AddedJob } from '../../src/core/new-job.ts'
import type { ClaimedJob } from '../../src/store/claim-jobs.ts'
import type { Settlement } from '../../src/core/settlement.ts'
import type { Store } from '../../src/store/store.ts'
import { eventually } from '../support/wait.ts'
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
  retry,
  settle,
  snoozed,
  type Connection,
} from './keyed.ts'

const db = useStore()
const connections = new Connections(db)
afterEach(() => connections.close())

const serial = { serialKey: 's' } as const

const addTo = async (store: Store, job: FixtureJob = serial): Promise<AddedJob> =>
  first(await store.insertJobs([newJob(job)]))
const idsOf = (jobs: readonly { readonly id: string }[]): string[] => jobs.map(({ id }) => id)
const many = (count: number, job: FixtureJob = serial): FixtureJob[] =>
  Array.from({ length: count }, () => job)
const keys = (): Promise<readonly Record<string, unknown>[]> =>
  db.query('select key, job_id::text as id from kongtask.serial_keys order by key')

const inOrder = (ids: readonly string[]): string[] => ids.toSorted((a, b) => Number(a) - Number(b))

/** Claims everything that there is to claim, until it is this. */
async function claims(worker: FixtureWorker, expected: readonly string[]): Promise<readonly ClaimedJob[]> {
  const claimed: ClaimedJob[] = []
  await eventually(async () => {
    claimed.push(...(await worker.claim(100)))
    expect(inOrder(idsOf(claimed))).toEqual(inOrder(expected))
  })
  // And nothing else, however often one asks.
  expect(await worker.claim(100)).toEqual([])
  return claimed
}

/** What is new to the database blocks its adders for a moment, which is not what this is about. */
async function useNames(): Promise<void> {
  await db.add({}, { queue: 'other' })
  await db.query('delete from kongtask.jobs')
}

/** Completes one after the other, and returns the order in which they came. */
async function runAll(worker: FixtureWorker): Promise<string[]> {
  const order: string[] = []
  for (let idle = 0; idle < 3;) {
    const jobs = await worker.claim(100)
    idle = jobs.length === 0 ? idle + 1 : 0
    order.push(...idsOf(jobs))
    await settle(db.store, jobs, completed)
  }
  expect(await db.value('select count(*)::int4 from kongtask.jobs')).toBe(0)
  return order
}

/** A job that runs, under a key of which it is the only job. */
async function running(worker: FixtureWorker, job: FixtureJob = serial): Promise<ClaimedJob> {
  const id = await db.addOne(job)
  return first(await claims(worker, [id]))
}

describe('jobs with one serial key', () => {
  const ways: readonly (readonly [string, () => Promise<string[]>])[] = [
    ['added at once', () => db.add(...many(12))],
    [
      'added one by one',
      async () => {
        const ids: string[] = []
        for (const job of many(12)) ids.push(await db.addOne(job))
        return ids
      },
    ],
    ['of several priorities', () => db.add(...many(12).map((job, n) => ({ ...job, priority: 15 - n })))],
    ['added in two bulks', async () => [...(await db.add(...many(6))), ...(await db.add(...many(6)))]],
    ['of several tasks', () => db.add(...many(12).map((job, n) => ({ ...job, task: `task-${n % 3}` })))],
    ['with unique keys, too', () => db.add(...many(12).map((job, n) => ({ ...job, uniqueKey: `u${n}` })))],
  ]

  it.each(ways)('run one at a time, in order of adding: %s', async (_, add) => {
    const ids = await add()
    const worker = await db.worker()
    for (const id of ids) {
      const [job] = await claims(worker, [id])
      if (job !== undefined) await settle(db.store, [job], completed)
    }
    expect(await worker.claim(5)).toEqual([])
    expect(await keys()).toEqual([])
  })

  it('run beside those of other keys, of other queues and without one', async () => {
    const ids = await db.add(serial, { serialKey: 't' }, { ...serial, queue: 'other' }, {}, {})
    const behind = await db.add(serial, { serialKey: 't' }, { ...serial, queue: 'other' })
    const worker = await db.worker()
    const claimed = await worker.claim(10)
    expect(inOrder(idsOf(claimed))).toEqual(ids)
    await settle(db.store, claimed, completed)
    expect(inOrder(idsOf(await worker.claim(10)))).toEqual(behind)
  })

  it('wait for a first one that is scheduled', async () => {
    const [head, next] = await db.add({ ...serial, scheduledIn: 60_000 }, serial)
    const alone = await db.addOne(serial)
    const worker = await db.worker()
    expect(await worker.claim(5)).toEqual([])
    await db.moveClock('61 s')
    for (const id of [head, next, alone]) await settle(db.store, await claims(worker, [id ?? '']), completed)
  })

  it('wait for a first one that was added alone and is scheduled', async () => {
    const head = await db.addOne({ ...serial, scheduledIn: 60_000 })
    const next = await db.addOne(serial)
    const worker = await db.worker()
    expect(await worker.claim(5)).toEqual([])
    await db.moveClock('61 s')
    for (const id of [head, next]) await settle(db.store, await claims(worker, [id]), completed)
  })

  it.each([
    ['retried', { kind: 'retry', delay: 60_000, error }],
    ['snoozing', { kind: 'snoozed', delay: 60_000 }],
  ] satisfies [string, Settlement][])('wait for one that is %s', async (_, settlement) => {
    const [head = '', next = ''] = await db.add(serial, serial)
    const worker = await db.worker()
    await settle(db.store, await claims(worker, [head]), settlement)
    expect(await worker.claim(5)).toEqual([])
    await db.moveClock('61 s')
    await settle(db.store, await claims(worker, [head]), completed)
    await claims(worker, [next])
  })

  it.each([
    ['completed', completed],
    ['dead', dead],
    ['cancelled', cancelled],
  ])('are handed the key in the transaction that settles the one before: %s', async (_, settlement) => {
    const [head = '', next = ''] = await db.add(serial, serial)
    const worker = await db.worker()
    const jobs = await claims(worker, [head])
    const settling = await connections.open()
    await settling.query('begin')
    await settle(settling.store, jobs, settlement)
    expect(await worker.claim(5)).toEqual([])
    await settling.query('commit')
    expect(idsOf(await worker.claim(5))).toEqual([next])
  })

  it('keep the key when that transaction is rolled back', async () => {
    const [head = '', next = ''] = await db.add(serial, serial)
    const worker = await db.worker()
    const jobs = await claims(worker, [head])
    const settling = await connections.open()
    await settling.query('begin')
    await settle(settling.store, jobs, completed)
    await settling.query('rollback')
    expect(await worker.claim(5)).toEqual([])
    await settle(db.store, jobs, completed)
    await claims(worker, [next])
  })

  it('wait for one that was given back or whose process died', async () => {
    const [head = '', next = ''] = await db.add(serial, serial)
    const worker = await db.worker()
    await settle(db.store, await claims(worker, [head]), released)
    await claims(worker, [head])
    await db.query(`update kongtask.workers set expires_at = '-infinity'`)
    expect(await db.store.rescueWorkers()).toEqual({ workers: 1, jobs: 1 })
    const other = await db.worker()
    const again = await claims(other, [head])
    expect(again).toMatchObject([{ crashes: 1, attempt: 1 }])
    await settle(db.store, again, completed)
    await claims(other, [next])
  })

  it('wait for a redriven one, which waits for them in turn', async () => {
    const worker = await db.worker()
    const [one = '', two = '', three = ''] = await db.add(serial, serial, serial)
    await settle(db.store, await claims(worker, [one]), dead)
    const jobs = await claims(worker, [two])
    await redrive(db.store, [one])
    expect(await worker.claim(5)).toEqual([])
    await settle(db.store, jobs, completed)
    // It was added first.
    await settle(db.store, await claims(worker, [one]), completed)
    await claims(worker, [three])
  })

  it('that is redriven into a key that nobody has runs', async () => {
    const worker = await db.worker()
    const [id = ''] = await db.add(serial)
    await settle(db.store, await claims(worker, [id]), dead)
    expect(await keys()).toEqual([])
    await redrive(db.store, [id])
    await claims(worker, [id])
  })

  it('leave nothing behind of their keys', async () => {
    await db.add(...Array.from({ length: 50 }, (_, n) => ({ serialKey: `k${n % 20}`, queue: `q${n % 3}` })))
    await runAll(await db.worker())
    expect(await keys()).toEqual([])
  })
})

describe('a successor that waits behind the running job that it supersedes', () => {
  const both = { ...serial, uniqueKey: 'u' } as const

  it.each([
    ['completed', completed],
    ['dead', dead],
    ['retried', retry],
    ['snoozing', snoozed],
    ['given back', released],
  ])('runs when that is %s', async (_, settlement) => {
    const worker = await db.worker()
    const job = await running(worker, both)
    const { id, status } = await addTo(db.store, { ...both, onConflict: 'replace' })
    expect(status).toBe('added')
    expect(await worker.claim(5)).toEqual([])
    await settle(db.store, [job], settlement)
    await claims(worker, [id])
  })
})

describe('a head that is replaced', () => {
  const both = { ...serial, uniqueKey: 'u' } as const

  it('keeps its place, whether or not it has been met by a claim', async () => {
    for (const met of [true, false]) {
      const worker = await db.worker()
      const head = await db.addOne(both)
      if (met) await settle(db.store, await claims(worker, [head]), retry)
      const next = await db.addOne(serial)
      expect(
        await addTo(db.store, { ...both, payload: '"new"', onConflict: 'replace', priority: 9 }),
      ).toEqual({
        id: head,
        status: 'replaced',
      })
      const jobs = await claims(worker, [head])
      expect(jobs).toMatchObject([{ payload: '"new"', priority: 9, attempt: 1 }])
      await settle(db.store, jobs, completed)
      await settle(db.store, await claims(worker, [next]), completed)
    }
  })

  it('by a job with a key that another has waits behind that one, where claims do not look', async () => {
    const worker = await db.worker()
    const head = await running(worker)
    const id = await db.addOne({ uniqueKey: 'u' })
    expect(await addTo(db.store, { ...both, onConflict: 'replace' })).toEqual({ id, status: 'replaced' })
    expect(await db.value('select lane from kongtask.jobs where id = $1', [id])).toBe(17)
    await settle(db.store, [head], completed)
    await claims(worker, [id])
  })

  it('in the middle of the queue keeps its place', async () => {
    const worker = await db.worker()
    const head = await running(worker)
    const [one = '', two = '', three = ''] = await db.add(serial, both, serial)
    await addTo(db.store, { ...both, payload: '"new"', onConflict: 'replace', priority: 0 })
    await settle(db.store, [head], completed)
    expect(await runAll(worker)).toEqual([one, two, three])
  })

  const elsewhere: readonly (readonly [string, FixtureJob])[] = [
    ['another key', { serialKey: 'other' }],
    ['no key', {}],
    ['another queue', { ...serial, queue: 'other' }],
  ]

  describe.each(elsewhere)('by a job with %s', (_, job) => {
    const leave = (store: Store): Promise<AddedJob> =>
      addTo(store, { uniqueKey: 'u', onConflict: 'replace', ...job })

    it('hands its key on, met or not', async () => {
      for (const met of [true, false]) {
        const worker = await db.worker()
        const head = await db.addOne(both)
        if (met) await settle(db.store, await claims(worker, [head]), { kind: 'retry', delay: 60_000, error })
        const next = await db.addOne(serial)
        const last = await db.addOne(serial)
        expect(await leave(db.store)).toEqual({ id: head, status: 'replaced' })
        const jobs = await claims(worker, [head, next])
        await settle(db.store, jobs, completed)
        await settle(db.store, await claims(worker, [last]), completed)
        expect(await keys()).toEqual([])
      }
    })

    it('joins the jobs where it goes', async () => {
      const worker = await db.worker()
      const there = await running(worker, job)
      const head = await db.addOne(both)
      await leave(db.store)
      const jobs = await claims(worker, job.serialKey === undefined ? [head] : [])
      await settle(db.store, [there], completed)
      const behind = jobs.length === 0 ? await claims(worker, [head]) : []
      expect(idsOf([...jobs, ...behind])).toEqual([head])
    })

    it('while that transaction is open, disturbs nobody: neither claims, nor settlements, nor adders', async () => {
      for (const met of [true, false]) {
        const worker = await db.worker()
        const head = await db.addOne(both)
        if (met) await settle(db.store, await claims(worker, [head]), { kind: 'retry', delay: 60_000, error })
        const next = await db.addOne(serial)
        const open = await connections.open()
        await open.query('begin')
        await leave(open.store)
        // Fails instead of waiting.
        const { store } = await db.session()
        const others = [newJob(serial), newJob({}), newJob({ serialKey: `fresh ${met}` })]
        const [late = '', ...free] = idsOf(await store.insertJobs(others))
        const claimed = await worker.claim(10, store)
        expect(inOrder(idsOf(claimed))).toEqual(free)
        await settle(store, claimed, completed)
        await open.query('commit')
        const jobs = await claims(worker, [head, next])
        await settle(db.store, jobs, completed)
        await settle(db.store, await claims(worker, [late]), completed)
      }
    })

    it('as the last of its key, while that transaction is open, does not disturb adders', async () => {
      const worker = await db.worker()
      const head = await db.addOne(both)
      await settle(db.store, await claims(worker, [head]), { kind: 'retry', delay: 60_000, error })
      const open = await connections.open()
      await open.query('begin')
      await leave(open.store)
      const { store } = await db.session()
      const { id } = await addTo(store)
      expect(await worker.claim(5, store)).toEqual([])
      await open.query('commit')
      expect(await claims(worker, [head, id])).toHaveLength(2)
    })

    it('while that transaction is open, lets those who have the key settle', async () => {
      const worker = await db.worker()
      const holder = await running(worker)
      const [waiting = '', next = ''] = await db.add(both, serial)
      const open = await connections.open()
      await open.query('begin')
      await leave(open.store)
      const { store } = await db.session()
      await settle(store, [holder], completed)
      expect(await worker.claim(5, store)).toEqual([])
      await open.query('commit')
      const jobs = await claims(worker, [waiting, next])
      await settle(db.store, jobs, completed)
      expect(await keys()).toEqual([])
    })

    it('stays at the head when that transaction is rolled back', async () => {
      for (const met of [true, false]) {
        const worker = await db.worker()
        const head = await db.addOne(both)
        if (met) await settle(db.store, await claims(worker, [head]), retry)
        const next = await db.addOne(serial)
        const open = await connections.open()
        await open.query('begin')
        await leave(open.store)
        const { store } = await db.session()
        await worker.claim(5, store)
        await open.query('rollback')
        await settle(db.store, await claims(worker, [head]), completed)
        expect(await runAll(worker)).toEqual([next])
      }
    })
  })
})

describe('an adder in an open transaction', () => {
  /** Adds in a transaction of its own that stays open. */
  async function open(...jobs: readonly FixtureJob[]): Promise<Connection & { readonly ids: string[] }> {
    const connection = await connections.open()
    await connection.query('begin')
    const added = await connection.store.insertJobs((jobs.length === 0 ? [serial] : jobs).map(newJob))
    return { ...connection, ids: idsOf(added) }
  }
  const ends: readonly (readonly ['commit' | 'rollback', Settlement])[] = [
    ['commit', completed],
    ['commit', dead],
    ['commit', cancelled],
    ['rollback', completed],
    ['rollback', dead],
    ['rollback', cancelled],
  ]

  it.each(ends)('that began while the head ran, and ends (%s) after it', async (end, settlement) => {
    const worker = await db.worker()
    const head = await running(worker)
    const { query, ids } = await open()
    // Fails instead of waiting.
    const { store } = await db.session()
    await settle(store, [head], settlement)
    expect(await worker.claim(5, store)).toEqual([])
    await query(end)
    await settle(db.store, await claims(worker, end === 'commit' ? ids : []), completed)
    expect(await runAll(worker)).toEqual([])
    expect(await keys()).toEqual([])
  })

  it.each(ends)('that began before the head existed, and ends (%s) after it', async (end, settlement) => {
    await useNames()
    const { query, ids } = await open()
    const worker = await db.worker()
    const { store } = await db.session()
    await store.insertJobs([newJob(serial)])
    const head = (await worker.claim(5, store)).filter(({ extras }) => extras !== null)
    await settle(store, head, settlement)
    await query(end)
    expect(await worker.claim(5)).toHaveLength(end === 'commit' ? 1 : 0)
    expect(await db.value('select count(*)::int4 from kongtask.jobs where worker = 0')).toBe(0)
    expect(ids).toHaveLength(1)
  })

  it('that began before the head existed and ends while it runs waits for it', async () => {
    await useNames()
    const early = await open()
    const worker = await db.worker()
    const head = await running(worker)
    await early.query('commit')
    expect(await worker.claim(5)).toEqual([])
    await settle(db.store, [head], completed)
    await claims(worker, early.ids)
  })

  it('that began before the head existed and ends while the settlement of that is not committed', async () => {
    for (const end of ['commit', 'rollback']) {
      await useNames()
      const early = await open()
      const worker = await db.worker()
      const head = await running(worker)
      const settling = await connections.open()
      await settling.query('begin')
      await settle(settling.store, [head], completed)
      await early.query('commit')
      // It is met by a claim that cannot know yet who has the key.
      const { store } = await db.session()
      expect(await worker.claim(5, store)).toEqual([])
      await settling.query(end)
      if (end === 'rollback') await settle(db.store, [head], completed)
      expect(await runAll(worker)).toEqual(early.ids)
    }
  })

  it('and several others at once: all of them run, one at a time', async () => {
    const worker = await db.worker()
    const head = await running(worker)
    const adders = await Promise.all(Array.from({ length: 5 }, () => open(serial, serial)))
    await settle(db.store, [head], completed)
    const left = new Set(adders.flatMap(({ ids }) => ids))
    for (const [n, { query, ids }] of adders.toReversed().entries()) {
      await query(n === 2 ? 'rollback' : 'commit')
      if (n === 2) for (const id of ids) left.delete(id)
      const jobs = await worker.claim(5)
      expect(jobs.length).toBeLessThanOrEqual(1)
      await settle(db.store, jobs, completed)
      for (const { id } of jobs) left.delete(id)
    }
    expect((await runAll(worker)).toSorted()).toEqual([...left].toSorted())
  })

  it('does not disturb other adders, whatever they see of the key', async () => {
    const worker = await db.worker()
    const free = await open({ serialKey: 'nobody has it' })
    await running(worker)
    const taken = await open(serial)
    const { store } = await db.session()
    const others = await store.insertJobs([
      newJob(serial),
      newJob({ serialKey: 'nobody has it' }),
      newJob({}),
    ])
    expect(others.map(({ status }) => status)).toEqual(['added', 'added', 'added'])
    await free.query('commit')
    await taken.query('commit')
  })

  it('while the head is being settled: ends first, or last', async () => {
    for (const adderFirst of [true, false]) {
      const worker = await db.worker()
      const head = await running(worker)
      const adder = await open()
      const settling = await connections.open()
      await settling.query('begin')
      await settle(settling.store, [head], completed)
      if (adderFirst) await adder.query('commit')
      await settling.query('commit')
      if (!adderFirst) await adder.query('commit')
      await settle(db.store, await claims(worker, adder.ids), completed)
      expect(await runAll(worker)).toEqual([])
    }
  })

  it('that comes while the settlement of the last job is not committed waits for that, no longer', async () => {
    for (const end of ['commit', 'rollback']) {
      const worker = await db.worker()
      const head = await running(worker)
      const [settling, adding] = [await connections.open(), await connections.open()]
      await settling.query('begin')
      await settle(settling.store, [head], completed)
      const added = addTo(adding.store)
      await connections.waits(adding)
      await settling.query(end)
      const { id } = await added
      const again = end === 'rollback' ? await worker.claim(5) : []
      expect(again).toEqual([])
      if (end === 'rollback') await settle(db.store, [head], completed)
      await settle(db.store, await claims(worker, [id]), completed)
    }
  })

  /** What the look for the next job of a key finds is acted upon only when `meanwhile` is over. */
  async function slowLook(
    act: (store: Store) => Promise<unknown>,
    meanwhile: () => Promise<unknown>,
  ): Promise<void> {
    await db.query(`
      alter function kongtask.first_of_key rename to first_of_key_at_once;
      create function kongtask.first_of_key(p_queue int4, p_key text) returns int8 language plpgsql as $$
      declare
        v_first int8 := kongtask.first_of_key_at_once(p_queue, p_key);
      begin
        perform pg_advisory_xact_lock_shared(20);
        return v_first;
      end $$`)
    try {
      const [door, acting] = [await connections.open(), await connections.open()]
      await door.query('select pg_advisory_lock(20)')
      const done = act(acting.store)
      await connections.waits(acting)
      await meanwhile()
      await door.query('select pg_advisory_unlock(20)')
      await done
    } finally {
      await db.query(`
        drop function kongtask.first_of_key;
        alter function kongtask.first_of_key_at_once rename to first_of_key`)
    }
  }

  it('that adds and commits between the last look for a next job and forgetting the key is not forgotten', async () => {
    const worker = await db.worker()
    const head = await running(worker)
    const late: string[] = []
    await slowLook(
      (store) => settle(store, [head], completed),
      async () => late.push((await addTo(db.store)).id),
    )
    expect(idsOf(await claims(worker, late))).toEqual(late)
  })

  it('that moves the next job to another key between the look for it and handing it the key gets away with it', async () => {
    const worker = await db.worker()
    const head = await running(worker)
    const [next = '', last = ''] = await db.add({ ...serial, uniqueKey: 'u' }, serial)
    await slowLook(
      (store) => settle(store, [head], completed),
      () => addTo(db.store, { serialKey: 't', uniqueKey: 'u', onConflict: 'replace' }),
    )
    expect(await claims(worker, [next, last])).toHaveLength(2)
  })

  it('that takes the next job away from a claim that is about to give it the key leaves that key to the others', async () => {
    await useNames()
    const worker = await db.worker()
    const [next, last] = [
      await db.addOne({ ...serial, uniqueKey: 'u', scheduledIn: 1_000 }),
      await db.addOne(serial),
    ]
    await slowLook(
      (store) => worker.claim(5, store),
      () => addTo(db.store, { serialKey: 't', uniqueKey: 'u', onConflict: 'replace' }),
    )
    expect(await claims(worker, [next, last])).toHaveLength(2)
  })

  it.each(['repeatable read', 'serializable'])(
    'that is %s adds nothing that is stuck, whatever happens meanwhile',
    async (isolation) => {
      const scenes: Readonly<Record<string, (worker: FixtureWorker) => Promise<unknown>>> = {
        nothing: () => Promise.resolve(),
        'a head appears': (worker) => running(worker),
        'a head appears and is done': async (worker) => settle(db.store, [await running(worker)], completed),
      }
      for (const began of ['before', 'running']) {
        for (const scene of Object.values(scenes)) {
          const worker = await db.worker()
          await useNames()
          const before = began === 'running' ? [await running(worker)] : []
          const connection = await connections.open()
          await connection.query(`begin isolation level ${isolation}`)
          await connection.query('select count(*) from kongtask.serial_keys')
          if (began === 'before') await scene(worker)
          else await settle(db.store, before, completed)
          const added = await connection.store.insertJobs([
            newJob(serial),
            newJob({ ...serial, uniqueKey: 'u' }),
            newJob(serial),
          ])
          await connection.query('commit')
          await db.query(`update kongtask.workers set expires_at = '-infinity'`)
          await db.store.rescueWorkers()
          const order = await runAll(await db.worker())
          expect(order.filter((id) => idsOf(added).includes(id))).toEqual(idsOf(added))
        }
      }
    },
  )

  it('that is repeatable read replaces a head elsewhere, or must begin anew; nothing is stuck', async () => {
    const worker = await db.worker()
    const holder = await running(worker)
    const [next = '', last = ''] = await db.add({ ...serial, uniqueKey: 'u' }, serial)
    // One that was never met by a claim, so that it need not be touched to become the head.
    await db.query('update kongtask.jobs set lane = lane & 15 where id = $1', [next])
    const connection = await connections.open()
    await connection.query('begin isolation level repeatable read')
    await connection.query('select count(*) from kongtask.serial_keys')
    await settle(db.store, [holder], completed)
    const refused = await addTo(connection.store, { uniqueKey: 'u', onConflict: 'replace' }).catch(
      (thrown: unknown) => thrown,
    )
    await connection.query('commit')
    expect(refused).toMatchObject({ code: '40001' })
    expect((await runAll(worker)).toSorted()).toEqual([next, last].toSorted())
  })
})

it('a job that a claim gave its key and left for another is not replaced by who did not see that', async () => {
  const worker = await db.worker()
  await running(worker, { serialKey: 'taken' })
  const [, free = '', given = ''] = await db.add(
    { serialKey: 'taken', priority: 0 },
    { priority: 1 },
    { ...serial, uniqueKey: 'u', priority: 2 },
  )
  const behind = await db.addOne({ ...serial, priority: 15 })
  // Met as if it had just been added, so that the claim has to look twice and sees more than it may take.
  await db.query('update kongtask.jobs set lane = lane & 15')
  const connection = await connections.open()
  await connection.query('begin isolation level repeatable read')
  await connection.query('select count(*) from kongtask.serial_keys')
  expect(idsOf(await worker.claim(1))).toEqual([free])
  expect(await keys()).toContainEqual({ key: 's', id: given })
  const refused = await addTo(connection.store, { uniqueKey: 'u', onConflict: 'replace' }).catch(
    (thrown: unknown) => thrown,
  )
  await connection.query('commit')
  expect(refused).toMatchObject({ code: '40001' })
  expect(idsOf(await worker.claim(5))).toEqual([given])
  expect(behind).toBeDefined()
})

describe.each(['cancel', 'delete'] as const)('a job that is taken away (%s)', (how) => {
  it('before any claim met it, in front of others of its bulk, leaves the key to them', async () => {
    const [head = '', ...others] = await db.add(serial, serial, serial)
    await drop(db.store, head, how)
    expect(await runAll(await db.worker())).toEqual(others)
  })

  it('while it has the key leaves it to the next', async () => {
    const worker = await db.worker()
    const [head = '', ...others] = await db.add(serial, serial, serial)
    await settle(db.store, await claims(worker, [head]), { kind: 'retry', delay: 60_000, error })
    await drop(db.store, head, how)
    expect(await runAll(worker)).toEqual(others)
  })

  it('while it waits changes nothing for the others', async () => {
    const worker = await db.worker()
    const [head = '', next = '', last = ''] = await db.add(serial, serial, serial)
    const jobs = await claims(worker, [head])
    await drop(db.store, next, how)
    expect(await worker.claim(5)).toEqual([])
    await settle(db.store, jobs, completed)
    expect(await runAll(worker)).toEqual([last])
  })

  it('while it waits lets none run that was redriven, beside the one that has the key', async () => {
    const worker = await db.worker()
    const [old = '', head = '', last = ''] = await db.add(serial, serial, serial)
    await settle(db.store, await claims(worker, [old]), dead)
    const jobs = await claims(worker, [head])
    await redrive(db.store, [old])
    await drop(db.store, last, how)
    expect(await worker.claim(5)).toEqual([])
    await settle(db.store, jobs, completed)
    expect(await runAll(worker)).toEqual([old])
  })

  it('as the last of its key leaves nothing, and an adder that has seen the key is not stuck', async () => {
    const worker = await db.worker()
    const [head = ''] = await db.add(serial)
    await settle(db.store, await claims(worker, [head]), { kind: 'retry', delay: 60_000, error })
    const adder = await connections.open()
    await adder.query('begin')
    const { id } = await addTo(adder.store)
    await drop(db.store, head, how)
    expect(await worker.claim(5)).toEqual([])
    await adder.query('commit')
    await settle(db.store, await claims(worker, [id]), completed)
    expect(await keys()).toEqual([])
  })
})

describe('a claim in an open transaction', () => {
  it('of new keys makes neither claims, nor adders, nor settlements wait', async () => {
    const worker = await db.worker()
    const other = await running(worker, { serialKey: 'other' })
    await db.addOne({ serialKey: 'other' })
    const [head, next] = [await db.addOne(serial), await db.addOne(serial)]
    const claiming = await connections.open()
    await claiming.query('begin')
    expect(idsOf(await worker.claim(1, claiming.store))).toEqual([head])
    const { store } = await db.session()
    const [late, free] = idsOf(await store.insertJobs([newJob(serial), newJob({})]))
    expect(idsOf(await worker.claim(5, store))).toEqual([free])
    await settle(store, [other], completed)
    await claiming.query('commit')
    const rest = await worker.claim(5)
    expect(rest.every(({ extras }) => extras === '{"serialKey": "other"}')).toBe(true)
    await settle(db.store, rest, completed)
    expect(late).toBeDefined()
    expect(next).toBeDefined()
  })

  it('that is rolled back leaves all as it was', async () => {
    const ids = [await db.addOne(serial), await db.addOne(serial)]
    const worker = await db.worker()
    const claiming = await connections.open()
    await claiming.query('begin')
    await worker.claim(5, claiming.store)
    await claiming.query('rollback')
    expect(await runAll(worker)).toEqual(ids)
  })

  it('does not deadlock with another that meets the same new keys in other queues', async () => {
    const claimers = await connections.many(4)
    const workers = await Promise.all(claimers.map(() => db.worker()))
    for (let round = 0; round < 20; round += 1) {
      // One by one, so that all of them are met.
      for (let n = 0; n < 24; n += 1) await db.addOne({ serialKey: `k${n % 2}`, queue: `q${n % 3}` })
      const claimed = await Promise.all(workers.map((worker, n) => worker.claim(4, claimers[n]?.store)))
      const taken = claimed.flat().map(({ queueId, extras }) => `${queueId} ${extras}`)
      expect(new Set(taken).size).toBe(taken.length)
      await Promise.all(claimed.map((jobs) => settle(db.store, jobs, completed)))
      await runAll(workers[0] ?? (await db.worker()))
    }
  })

  it('waits for no claim that has met a new key in another queue', async () => {
    const ids = []
    for (const queue of ['a', 'b', 'a', 'b']) ids.push(await db.addOne({ ...serial, queue }))
    const queues = await db.queues()
    const worker = await db.worker()
    const [one, other] = [await connections.open(), await db.session()]
    await one.query('begin')
    const claim = async (store: Store, queue: string, claimNumber: number): Promise<string[]> => {
      const number = queues.get(queue)
      if (number === undefined) throw new Error('there is no such queue')
      const request = { ...worker.registration, claim: claimNumber, total: 1, tasks: await db.tasks() }
      return idsOf((await store.claimJobs({ ...request, queues: new Map([[number, 1]]) })).jobs)
    }
    expect(await claim(one.store, 'a', 101)).toEqual([ids[0]])
    expect(await claim(other.store, 'a', 102)).toEqual([])
    expect(await claim(other.store, 'b', 103)).toEqual([ids[1]])
    await one.query('commit')
    await db.query(`update kongtask.workers set expires_at = '-infinity'`)
    await db.store.rescueWorkers()
    await runAll(await db.worker())
  })
})

describe('a claim that meets many jobs of one key', () => {
  it('finds what is behind them', async () => {
    for (const job of many(60)) await db.addOne(job)
    const free = await db.add({}, {}, {})
    const worker = await db.worker()
    const [head] = await worker.claim(1)
    expect(head).toBeDefined()
    // Fewer than there are in front, and yet not dry.
    expect(idsOf(await worker.claim(3))).toEqual(free)
  })

  it('is not dry while there may be more', async () => {
    await db.add({ serialKey: 't', scheduledIn: 3_600_000 })
    await db.query(`select kongtask.add_job('work', '{}', '{"serialKey": "t"}') from generate_series(1, 400)`)
    const free = await db.addOne({})
    const worker = await db.worker()
    const found: string[] = []
    // As often as a runner looks that runs what is ready and stops at the first claim that finds nothing.
    for (let jobs = await worker.claim(1); jobs.length > 0; jobs = await worker.claim(1))
      found.push(...idsOf(jobs))
    expect(found).toEqual([free])
  })
})

describe('eight workers at once', () => {
  /** Each claims and settles on a connection of its own until all is done; how says what becomes of a job. */
  async function work(how: (job: ClaimedJob) => Settlement, limit: number): Promise<readonly ClaimedJob[]> {
    const active = new Map<string, string>()
    const order: ClaimedJob[] = []
    const isDone = async (): Promise<boolean> =>
      (await db.value('select count(*)::int4 from kongtask.jobs')) === 0
    const nameOf = ({ queueId, extras }: ClaimedJob): string =>
      `${queueId} ${JSON.parse(extras ?? '{}').serialKey}`
    const one = async ({ store }: Connection): Promise<void> => {
      const worker = await db.worker()
      for (let idle = 0; idle < 200;) {
        const jobs = await worker.claim(limit, store)
        for (const job of jobs) {
          expect(active.get(nameOf(job)), `the key of ${job.id}`).toBeUndefined()
          active.set(nameOf(job), job.id)
          order.push(job)
        }
        for (const job of jobs) {
          active.delete(nameOf(job))
          await settle(store, [job], how(job))
        }
        idle = jobs.length === 0 ? idle + 1 : 0
        if (jobs.length === 0 && (await isDone())) return
      }
      throw new Error(`something is stuck: ${JSON.stringify(await db.contents())}`)
    }
    await Promise.all((await connections.many(8)).map(one))
    return order
  }

  it('run a bulk of one key in order', async () => {
    const ids = await db.add(...many(150))
    expect(idsOf(await work(() => completed, 5))).toEqual(ids)
  })

  it('run many keys, each in order, however they end', async () => {
    await db.add(
      ...Array.from({ length: 400 }, (_, n) => ({
        serialKey: `k${n % 15}`,
        queue: `q${n % 2}`,
        priority: n % 3,
      })),
    )
    const endings = [completed, dead, cancelled, retry, released, snoozed] as const
    let turn = 0
    const ended: string[] = []
    const order = await work((job) => {
      const how = endings[(turn += 1) % (job.attempt > 1 ? 3 : 6)] ?? completed
      if (how === completed || how === dead || how === cancelled) ended.push(job.id)
      return how
    }, 20)
    expect(new Set(ended).size).toBe(400)
    const byKey = new Map<string, string[]>()
    for (const { id, queueId, extras } of order) {
      const name = `${queueId} ${extras}`
      byKey.set(name, [...(byKey.get(name) ?? []), id])
    }
    for (const ids of byKey.values()) {
      expect(ids).toEqual(ids.toSorted((a, b) => Number(a) - Number(b)))
    }
    expect(await keys()).toEqual([])
  })

  it('run all that others add meanwhile, one by one and in bulks, committed late or not at all', async () => {
    const adders = await connections.many(3)
    await db.addOne({ serialKey: 'k0' })
    let added = 1
    const adding = Promise.all(
      adders.map(async ({ store, query }, a) => {
        for (let n = 0; n < 40; n += 1) {
          await query('begin')
          await store.insertJobs(
            Array.from({ length: 1 + (n % 3) }, (_, m) => newJob({ serialKey: `k${(a + n + m) % 4}` })),
          )
          // Others come and go meanwhile.
          await db.store.insertJobs([newJob({ serialKey: `k${n % 4}` })])
          added += 1
          await query(n % 5 === 4 ? 'rollback' : 'commit')
          if (n % 5 !== 4) added += 1 + (n % 3)
        }
      }),
    )
    const done: string[] = idsOf(await work(() => completed, 3))
    await adding
    done.push(...idsOf(await work(() => completed, 3)))
    expect(new Set(done).size).toBe(added)
  })

  it('run unique jobs that are replaced meanwhile, under keys that they change', async () => {
    const adders = await connections.many(3)
    await db.addOne({ serialKey: 'k0' })
    const adding = Promise.all(
      adders.map(async ({ store, query }, a) => {
        for (let n = 0; n < 60; n += 1) {
          await query('begin')
          await store.insertJobs([
            newJob({
              serialKey: `k${(a + n) % 3}`,
              uniqueKey: `u${n % 2}`,
              onConflict: 'replace',
              queue: n % 7 === 0 ? 'other' : 'default',
            }),
          ])
          await query(n % 6 === 5 ? 'rollback' : 'commit')
        }
      }),
    )
    await work(() => completed, 3)
    await adding
    await work(() => completed, 3)
    expect(await db.value('select count(*)::int4 from kongtask.jobs')).toBe(0)
    expect(await keys()).toEqual([])
  })
})
