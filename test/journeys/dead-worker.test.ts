import { describe, expect, it } from 'vitest'
import type { Settlement } from '../../src/core/settlement.ts'
import { pgDatabase } from '../../src/store/pg-database.ts'
import { createStore, type Store } from '../../src/store/store.ts'
import { deferred } from '../support/wait.ts'
import { once, settled, useJourney } from './journey.ts'
import { WorkerProcess, type WorkerOptions } from './worker.ts'

const app = useJourney()

/** The shortest lease that is allowed is 1 s. */
const LEASE = 2_000

const start = (options: Partial<WorkerOptions> = {}): WorkerProcess =>
  new WorkerProcess({
    connectionString: app.database.connectionString,
    leaseDuration: LEASE,
    concurrency: 5,
    ...options,
  })

const store = (): Store => createStore(pgDatabase(app.database.pool, 10_000), 'kongtask')

interface Held {
  readonly id: string
  readonly queue: number
  readonly worker: number
  readonly claim: number
}

/** The jobs that are running, each with the lease under which it runs. */
async function held(): Promise<Held[]> {
  const rows = await app.query(
    'select id::text, queue_id, worker, claim from kongtask.jobs where worker <> 0 order by id',
  )
  return rows.map(({ id, queue_id: queue, worker, claim }) => ({
    id: String(id),
    queue: Number(queue),
    worker: Number(worker),
    claim: Number(claim),
  }))
}

/** What a worker would send at last, under the leases that it had. Answers which jobs were refused. */
async function replay(jobs: readonly Held[], settlement: Settlement): Promise<ReadonlySet<string>> {
  const refused = new Set<string>()
  for (const { id, queue, worker, claim } of jobs) {
    const lease = { worker, claim }
    const answer = await store().settleJobs({
      worker,
      queue,
      closed: [claim],
      jobs: [{ id, lease, kept: true, settlement }],
    })
    for (const one of answer.refused) refused.add(one)
  }
  return refused
}

const everything = async (): Promise<unknown> => ({
  jobs: await app.query('select j::text from kongtask.jobs j order by id'),
  claims: await app.query('select c::text from kongtask.claims c order by worker, claim'),
  history: await app.query('select h::text from kongtask.history h order by id'),
  letters: await app.query('select d::text from kongtask.dead_letters d order by id'),
})

const late: readonly Settlement[] = [
  { kind: 'completed', result: 'too late' },
  { kind: 'dead', reason: 'attempts', error: { name: 'Error', message: 'too late' } },
  { kind: 'retry', delay: 0, error: { name: 'Error', message: 'too late' } },
  { kind: 'snoozed', delay: 0 },
  { kind: 'cancelled', reason: 'too late' },
  { kind: 'released' },
]

describe('a worker that is killed with kill -9', () => {
  it('loses no job: all run again elsewhere, and what it would have written changes nothing', async () => {
    const added = await app.kong.addJobs(Array.from({ length: 12 }, (_, n) => ({ task: 'work', payload: n })))
    const victim = start()
    await victim.reports('started', 5)
    const before = await held()
    expect(before).toHaveLength(5)
    victim.kill('SIGKILL')
    expect(await victim.ended).toBe('SIGKILL')

    const gate = deferred()
    const again = new Set<string>()
    const allAgain = deferred()
    const heir = await app.run(
      {
        work: async (payload, { job }) => {
          again.add(job.id)
          if (before.every(({ id }) => again.has(id))) allAgain.resolve()
          await gate.promise
          return payload
        },
      },
      { leaseDuration: LEASE, concurrency: 20 },
    )
    const done = settled(heir, 12)
    await allAgain.promise

    // While its jobs run elsewhere, and when they have ended.
    const ids = new Set(before.map(({ id }) => id))
    const running = await everything()
    for (const settlement of late) expect(await replay(before, settlement)).toEqual(ids)
    expect(await everything()).toEqual(running)
    gate.resolve()
    await done
    const ended = await everything()
    for (const settlement of late) expect(await replay(before, settlement)).toEqual(ids)
    expect(await everything()).toEqual(ended)

    for (const [n, { id }] of added.entries()) {
      expect(await app.job(id)).toMatchObject({ state: 'completed', attempt: 1, result: n, errors: [] })
    }
    expect(await app.query('select id::text from kongtask.history where crashes = 1 order by id')).toEqual(
      before.map(({ id }) => ({ id })),
    )
    await heir.stop()
    expect(await app.query('select id from kongtask.workers')).toEqual([])
    expect(await app.query('select worker from kongtask.claims')).toEqual([])
  })

  it('again and again, still loses none', async () => {
    await app.kong.addJobs(Array.from({ length: 10 }, () => ({ task: 'work' })))
    for (const _ of [1, 2]) {
      const victim = start()
      await victim.reports('started', 5)
      victim.kill('SIGKILL')
      await victim.ended
    }
    const heir = await app.run({ work: () => 'done' }, { leaseDuration: LEASE })
    const done = settled(heir, 10)
    const { jobs } = await once(heir, 'worker.rescued')
    expect(jobs).toBeGreaterThan(0)
    await done
    expect(await app.states()).toEqual({ completed: 10 })
  })
})

describe('a worker that is suspended for longer than its lease', () => {
  it('tells its handlers when it wakes up, and nothing of what they did is recorded', async () => {
    const { id } = await app.kong.addJob('work')
    const sleeper = start({ leaseDuration: 1_000, handleSignals: true })
    await sleeper.reports('started')
    sleeper.kill('SIGSTOP')
    const heir = await app.run({ work: () => 'by the heir' }, { leaseDuration: 1_000 })
    await settled(heir, 1)
    const result = await everything()

    sleeper.kill('SIGCONT')
    expect(await sleeper.reports('aborted')).toMatchObject([{ id, reason: 'LeaseLostError' }])
    sleeper.finish()
    expect(await sleeper.reports('lost')).toMatchObject([{ id }])
    expect(await everything()).toEqual(result)
    expect(await app.job(id)).toMatchObject({ state: 'completed', result: 'by the heir', attempt: 1 })

    // And it goes on to work, under a new lease.
    await heir.stop()
    const next = await app.kong.addJob('work')
    expect(await sleeper.reports('completed')).toMatchObject([{ id: next.id }])
    sleeper.kill('SIGTERM')
    expect(await sleeper.ended).toBe(0)
    expect(await app.query('select id from kongtask.workers')).toEqual([])
  })
})

describe('a worker that handles signals', () => {
  it('ends what it has begun on SIGTERM, then ends itself', async () => {
    const [one, two] = await app.kong.addJobs([{ task: 'work' }, { task: 'work' }])
    const worker = start({ handleSignals: true, concurrency: 2 })
    await worker.reports('started', 2)
    worker.kill('SIGTERM')
    worker.finish()
    await worker.reports('stopped')
    expect(await worker.ended).toBe(0)
    for (const job of [one, two]) expect(await app.job(job?.id ?? '')).toMatchObject({ state: 'completed' })
    expect(await app.query('select id from kongtask.workers')).toEqual([])
  })

  it('gives back on SIGINT what does not end within the grace period', async () => {
    const { id } = await app.kong.addJob('work')
    const worker = start({ handleSignals: true, gracePeriod: 50 })
    await worker.reports('started')
    worker.kill('SIGINT')
    expect(await worker.reports('aborted')).toMatchObject([{ id, reason: 'ShutdownError' }])
    worker.finish()
    expect(await worker.ended).toBe(0)
    // A normal return still counts.
    expect(await app.job(id)).toMatchObject({ state: 'completed' })
  })

  it('ends at once on a second signal, and its jobs are run elsewhere', async () => {
    const { id } = await app.kong.addJob('work')
    const worker = start({ handleSignals: true })
    await worker.reports('started')
    worker.kill('SIGTERM')
    // Signals of one kind are merged while the first one has not been handled.
    worker.kill('SIGINT')
    expect([130, 143, 'SIGINT', 'SIGTERM']).toContain(await worker.ended)
    const heir = await app.run({ work: () => 'by the heir' }, { leaseDuration: LEASE })
    await settled(heir, 1)
    expect(await app.job(id)).toMatchObject({ state: 'completed', result: 'by the heir' })
  })
})
