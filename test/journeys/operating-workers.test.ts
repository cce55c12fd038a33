import { hostname } from 'node:os'
import { LeaseLostError } from 'kongtask'
import { describe, expect, it } from 'vitest'
import { deferred, eventually } from '../support/wait.ts'
import { once, settled, useJourney } from './journey.ts'
import { WorkerProcess } from './worker.ts'

const app = useJourney()

/** The number of the only worker there is. */
async function theWorker(): Promise<number> {
  const [worker] = await app.kong.workers.list()
  if (worker === undefined) throw new Error('there is no worker')
  return worker.worker
}

/** A runner whose handlers hold on until they are let go. */
async function holding(options: Parameters<typeof app.run>[1] = {}) {
  const gate = deferred()
  const started: string[] = []
  const aborted = deferred<unknown>()
  const runner = await app.run(
    {
      work: async (_, { job, signal }) => {
        started.push(job.id)
        signal.addEventListener('abort', () => aborted.resolve(signal.reason))
        await gate.promise
      },
    },
    options,
  )
  const hasStarted = (count: number): Promise<void> =>
    eventually(() => expect(started.length).toBeGreaterThanOrEqual(count))
  return { runner, started, hasStarted, aborted: aborted.promise, letGo: () => gate.resolve() }
}

const jobs = (count: number): { task: string }[] => Array.from({ length: count }, () => ({ task: 'work' }))

describe('the list of workers', () => {
  it('tells who runs where, what each serves, and what it has right now', async () => {
    const { hasStarted, letGo } = await holding({ queues: { default: 2, mail: 1 }, forbiddenFlags: ['gpu'] })
    await app.run({ other: () => undefined }, { concurrency: 7 })
    const added = await app.kong.addJobs(jobs(4))
    await hasStarted(2)
    const [first, second, ...more] = await app.kong.workers.list()
    expect(more).toEqual([])
    expect(first).toEqual({
      worker: expect.any(Number),
      host: hostname(),
      pid: process.pid,
      node: process.version,
      startedAt: expect.any(Date),
      heartbeatAt: expect.any(Date),
      leaseEndsAt: expect.any(Date),
      isSilent: false,
      isDraining: false,
      tasks: ['work'],
      queues: { default: 2, mail: 1 },
      concurrency: undefined,
      forbiddenFlags: ['gpu'],
      jobs: added
        .slice(0, 2)
        .map(({ id }) => ({ id, task: 'work', queue: 'default', since: expect.any(Date) })),
    })
    expect(second).toMatchObject({
      tasks: ['other'],
      queues: undefined,
      concurrency: 7,
      forbiddenFlags: [],
      jobs: [],
    })
    letGo()
  })

  it('holds no more jobs of each than were asked for', async () => {
    const { hasStarted, letGo } = await holding({ concurrency: 5 })
    await app.kong.addJobs(jobs(5))
    await hasStarted(5)
    const held = async (most: number): Promise<number | undefined> =>
      (await app.kong.workers.list({ jobs: most }))[0]?.jobs.length
    expect([await held(0), await held(3), await held(100)]).toEqual([0, 3, 5])
    await expect(app.kong.workers.list({ jobs: 1.5 })).rejects.toMatchObject({ code: 'KT_OPTION_INVALID' })
    letGo()
  })
})

describe('a worker that is drained while it works', () => {
  it('finishes what runs, takes nothing more, and stops', async () => {
    const { runner, started, hasStarted, letGo } = await holding({ concurrency: 2 })
    const added = await app.kong.addJobs(jobs(6))
    await hasStarted(2)
    const draining = once(runner, 'worker.draining')
    await app.kong.workers.drain(await theWorker())
    await draining
    expect(await app.kong.workers.list()).toMatchObject([{ isDraining: true }])
    letGo()
    await runner.stopped
    expect(started).toEqual(added.slice(0, 2).map(({ id }) => id))
    expect(await app.states()).toEqual({ completed: 2, ready: 4 })
    expect(await app.kong.workers.list()).toEqual([])
  })

  it('leaves its queue to the others, and is waited for', async () => {
    const { hasStarted, letGo } = await holding({ concurrency: 1 })
    await app.kong.addJobs(jobs(20))
    await hasStarted(1)
    const worker = await theWorker()
    const heir = await app.run({ work: () => 'by the heir' })
    let isGone = false
    const gone = app.kong.workers.drain(worker, { wait: true }).then(() => {
      isGone = true
    })
    await settled(heir, 19)
    expect(isGone).toBe(false)
    letGo()
    await gone
    expect((await app.kong.workers.list()).map((other) => other.worker)).not.toContain(worker)
    expect(await app.states()).toEqual({ completed: 20 })
  })

  it('is waited for until a signal says otherwise, and drains all the same', async () => {
    const { runner, hasStarted, letGo } = await holding()
    await app.kong.addJobs(jobs(1))
    await hasStarted(1)
    const stop = new AbortController()
    const waiting = app.kong.workers.drain(await theWorker(), { wait: true, signal: stop.signal })
    stop.abort(new Error('no longer interested'))
    await expect(waiting).rejects.toThrow('no longer interested')
    letGo()
    await runner.stopped
  })

  it('is one that there is', async () => {
    await expect(app.kong.workers.drain(4711)).rejects.toMatchObject({ code: 'KT_WORKER_NOT_FOUND' })
    await expect(app.kong.workers.drain(-1)).rejects.toMatchObject({ code: 'KT_OPTION_INVALID' })
  })
})

describe('a worker that is unlocked', () => {
  it('while it is suspended: its jobs run elsewhere at once, and what it writes later is refused', async () => {
    const sleeper = new WorkerProcess({
      connectionString: app.database.connectionString,
      leaseDuration: 60_000,
      concurrency: 3,
    })
    const added = await app.kong.addJobs(jobs(3))
    await sleeper.reports('started', 3)
    sleeper.kill('SIGSTOP')
    const heir = await app.run({ work: () => 'by the heir' })
    const done = settled(heir, 3)
    const [first] = await app.kong.workers.list()
    expect(await app.kong.workers.unlock(first?.worker ?? 0)).toEqual({ released: 3 })
    await done
    sleeper.kill('SIGCONT')
    sleeper.finish()
    for (const { id } of added) {
      expect(await app.job(id)).toMatchObject({ state: 'completed', attempt: 1, result: 'by the heir' })
    }
    // No crash is counted.
    expect(await app.query('select distinct crashes from kongtask.history')).toEqual([{ crashes: 0 }])
  })

  it('although it lives: its handlers are told, and it goes on under another number', async () => {
    const { runner, hasStarted, aborted, letGo } = await holding({ concurrency: 1 })
    await app.kong.addJobs(jobs(1))
    await hasStarted(1)
    const worker = await theWorker()
    const lost = once(runner, 'worker.lease_lost')
    expect(await app.kong.workers.unlock(worker)).toEqual({ released: 1 })
    expect(await lost).toMatchObject({ worker, running: 1 })
    expect(await aborted).toBeInstanceOf(LeaseLostError)
    const next = await eventually(() => theWorker())
    expect(next).toBeGreaterThan(worker)
    const completed = once(runner, 'job.settled', ({ settlement }) => settlement.kind === 'completed')
    letGo()
    await completed
    expect(await app.query('select attempt, crashes from kongtask.history')).toEqual([
      { attempt: 1, crashes: 0 },
    ])
  })

  it('is one that there is, and is so once', async () => {
    await holding()
    const worker = await theWorker()
    await app.kong.workers.unlock(worker)
    await expect(app.kong.workers.unlock(worker)).rejects.toMatchObject({ code: 'KT_WORKER_NOT_FOUND' })
  })
})
