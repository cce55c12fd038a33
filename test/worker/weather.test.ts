import { Client } from 'pg'
import { describe, expect, it } from 'vitest'
import type { ClaimRequest } from '../../src/store/claim-jobs.ts'
import { Listener } from '../../src/store/listener.ts'
import type { SettleRequest } from '../../src/store/settle-jobs.ts'
import { deferred } from '../support/wait.ts'
import { useStore } from '../store/fixture.ts'
import { Bench, heldClaims } from './bench.ts'

const db = useStore()

/** The connection broke: whether the statement was executed is not known. */
const broken = (): Error => Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })

/** Does the verb, and loses its answer the first `times` times. */
function losingAnswers<A extends unknown[], R>(verb: (...args: A) => Promise<R>, times = 1) {
  let left = times
  return async (...args: A): Promise<R> => {
    const answer = await verb(...args)
    if (left-- > 0) throw broken()
    return answer
  }
}

describe('a claim whose answer is lost', () => {
  it('is given back by the next heartbeat, and its jobs run once', async () => {
    const ids = await db.add({}, {}, {})
    const ran: string[] = []
    const answered = deferred()
    await using bench = await Bench.start(
      db,
      { work: (_, { job }) => void ran.push(job.id) },
      {
        verbs: (store) => {
          const lossy = losingAnswers((request: ClaimRequest) => store.claimJobs(request))
          return {
            claimJobs: async (request) => {
              const claimed = await lossy(request)
              answered.resolve()
              return claimed
            },
          }
        },
      },
    )
    // It tries again soon, with another number, and finds nothing.
    bench.worker.start()
    await answered.promise
    expect(await db.value('select count(*)::int from kongtask.jobs where worker <> 0')).toBe(3)
    const done = Promise.all(ids.map((id) => bench.once('job.settled', ({ job }) => job.id === id)))
    await bench.lease.beat()
    bench.worker.wake()
    await done
    expect(ran.toSorted()).toEqual(ids.toSorted())
    expect(await db.query('select distinct attempt, crashes from kongtask.history')).toEqual([
      { attempt: 1, crashes: 0 },
    ])
    expect(await db.query('select from kongtask.claims')).toEqual([])
  })

  it('is not given back while it is on its way', async () => {
    await db.add({})
    const { claimed, answer, verbs } = heldClaims()
    await using bench = await Bench.start(db, { work: () => 'done' }, { verbs })
    const done = bench.once('job.settled')
    bench.worker.start()
    await claimed.promise
    await bench.lease.beat()
    expect(await db.value('select count(*)::int from kongtask.jobs where worker <> 0')).toBe(1)
    answer.resolve()
    expect(await done).toMatchObject({ settlement: { kind: 'completed', result: 'done' } })
  })
})

describe('a settlement whose answer is lost', () => {
  it('is sent again and changes nothing the second time, and nobody is told more than is known', async () => {
    const id = await db.addOne()
    await using bench = await Bench.start(
      db,
      { work: () => 'done' },
      {
        verbs: (store) => ({
          settleJobs: losingAnswers((request: SettleRequest) => store.settleJobs(request)),
        }),
      },
    )
    const lost = bench.once('job.lost')
    bench.worker.start()
    expect(await lost).toMatchObject({ job: { id }, certain: false })
    expect(await db.store.readJob(id)).toMatchObject({ state: 'completed', result: 'done', attempt: 1 })
    expect(await db.value('select count(*)::int from kongtask.history')).toBe(1)
  })
})

describe('a worker that was declared dead', () => {
  it('starts anew, and what it held before spoils nothing of what it holds now', async () => {
    const id = await db.addOne()
    const gates = [deferred<string>(), deferred<string>()]
    const starts = [deferred(), deferred()]
    const signals: AbortSignal[] = []
    await using bench = await Bench.start(db, {
      work: (_, { signal }) => {
        const turn = signals.push(signal) - 1
        starts[turn]?.resolve()
        return gates[turn]?.promise
      },
    })
    bench.worker.start()
    await starts[0]?.promise
    await db.query(`update kongtask.workers set expires_at = clock_timestamp() - interval '1 s'`)
    expect(await db.store.rescueWorkers()).toEqual({ workers: 1, jobs: 1 })

    const old = bench.lease.registration?.worker
    await bench.lease.beat()
    expect(bench.lease.registration?.worker).not.toBe(old)
    bench.worker.wake()
    await starts[1]?.promise
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false])

    // The first handler ends late: refused, and the second one's claim is still vouched for.
    const lost = bench.once('job.lost')
    gates[0]?.resolve('stale')
    expect(await lost).toMatchObject({ job: { id }, certain: true })
    await bench.lease.beat()
    expect(await db.store.readJob(id)).toMatchObject({ state: 'running' })

    const done = bench.once('job.settled')
    gates[1]?.resolve('fresh')
    expect(await done).toMatchObject({ settlement: { result: 'fresh' } })
    expect(await db.store.readJob(id)).toMatchObject({ state: 'completed', result: 'fresh', attempt: 1 })
    expect(signals).toHaveLength(2)
    expect(await db.query('select from kongtask.claims')).toEqual([])
  })

  it('hears it from its next claim, too', async () => {
    const gate = deferred()
    const started = deferred()
    await db.addOne()
    await using bench = await Bench.start(db, {
      work: async () => {
        started.resolve()
        await gate.promise
      },
    })
    bench.worker.start()
    await started.promise
    await db.query(`update kongtask.workers set expires_at = clock_timestamp() - interval '1 s'`)
    await db.store.rescueWorkers()
    const told = bench.once('worker.lease_lost')
    bench.worker.wake()
    expect(await told).toMatchObject({ running: 1 })
    gate.resolve()
  })
})

describe('a settlement that the database cannot take', () => {
  const forbid = (table: string, rule: string): Promise<unknown> =>
    db.query(`alter table kongtask.${table} add constraint forbidden check (${rule}) not valid`)
  const allow = (table: string): Promise<unknown> =>
    db.query(`alter table kongtask.${table} drop constraint forbidden`)

  it('counts as a failed attempt, and the rest of its batch is written', async () => {
    await forbid('history', `result is distinct from '"bad"'`)
    const added = await db.add({ payload: '"good"' }, { payload: '"bad"' }, { payload: '"good"' })
    const all = deferred()
    let count = 0
    await using bench = await Bench.start(db, { work: (payload) => payload })
    bench.events.on('job.settled', () => {
      count += 1
      if (count === 3) all.resolve()
    })
    bench.worker.start()
    await all.promise
    const states = await Promise.all(added.map(async (id) => (await db.store.readJob(id))?.state))
    expect(states).toEqual(['completed', 'scheduled', 'completed'])
    const [error] = (await db.store.readJob(added[1] ?? ''))?.errors ?? []
    expect(error).toMatchObject({ attempt: 1, code: '23514' })
    await allow('history')
  })

  it('not even as a failed attempt, goes back to its queue by a heartbeat, with the rest of its claim done', async () => {
    await forbid('history', `result is distinct from '"bad"'`)
    await forbid('jobs', 'errors is null')
    const added = await db.add({ payload: '"good"' }, { payload: '"bad"' }, { payload: '"good"' })
    const unwritable = deferred()
    const good = deferred()
    let count = 0
    await using bench = await Bench.start(db, { work: (payload) => payload })
    bench.events.on('worker.weather', () => unwritable.resolve())
    bench.events.on('job.settled', () => {
      count += 1
      if (count === 2) good.resolve()
    })
    bench.worker.start()
    await Promise.all([unwritable.promise, good.promise])
    await bench.worker.stop(0)
    await bench.lease.beat()
    expect(await db.store.readJob(added[1] ?? '')).toMatchObject({ state: 'ready', attempt: 0, errors: [] })
    expect(await db.query('select from kongtask.claims')).toEqual([])
    await allow('history')
    await allow('jobs')
  })
})

describe('working off what is ready', () => {
  it('does not wait for a handler to end before it runs what that has added', async () => {
    await db.addOne({ task: 'parent' })
    const childRan = deferred()
    await using bench = await Bench.start(db, {
      parent: async (_, { addJob }) => {
        await addJob('child')
        await childRan.promise
      },
      child: () => childRan.resolve(),
    })
    await using listener = listenFor(bench)
    await listener.start()
    await bench.worker.runUntilDry()
    expect(await db.value('select count(*)::int from kongtask.history')).toBe(2)
  })

  function listenFor(bench: Bench): Listener & AsyncDisposable {
    const { connectionString } = db.database
    const listener = new Listener({
      connect: () => new Client({ connectionString }),
      schema: 'kongtask',
      deadline: 5_000,
      interval: 5_000,
      onWake: (wake) => bench.worker.wake(wake),
      onMessage: () => undefined,
      onSession: () => undefined,
      onWeather: () => undefined,
    })
    return Object.assign(listener, { [Symbol.asyncDispose]: () => listener.stop() })
  }

  it('does not overlook a job that a handler adds while the last claim finds nothing', async () => {
    await db.addOne({ task: 'parent' })
    const gate = deferred()
    let claims = 0
    await using bench = await Bench.start(
      db,
      {
        parent: async (_, { addJob }) => {
          await gate.promise
          await addJob('child')
        },
        child: () => 'done',
      },
      {
        verbs: (store) => ({
          claimJobs: async (request) => {
            claims += 1
            const claimed = await store.claimJobs(request)
            if (claims === 2) {
              // It has looked and found nothing; before its answer is here, the handler adds a job and ends.
              const ended = bench.once('job.settled')
              gate.resolve()
              await ended
            }
            return claimed
          },
        }),
      },
    )
    await bench.worker.runUntilDry()
    expect(await db.value('select count(*)::int from kongtask.history')).toBe(2)
  })
})
