import { defineTask, fixed, handle, snooze, PermanentError, type Explanation, type Runner } from 'kongtask'
import { describe, expect, it } from 'vitest'
import { pgDatabase } from '../../src/store/pg-database.ts'
import { createStore, type Store } from '../../src/store/store.ts'
import type { Registration } from '../../src/store/workers.ts'
import { deferred, eventually } from '../support/wait.ts'
import { once, settled, useJourney } from './journey.ts'

const app = useJourney()

const explain = (id: string): Promise<Explanation> => app.kong.jobs.explain(id)
const store = (): Store => createStore(pgDatabase(app.database.pool, 10_000), 'kongtask')

async function add(options: Parameters<typeof app.kong.addJob>[2] = {}, task = 'work'): Promise<string> {
  return (await app.kong.addJob(task, {}, options)).id
}

/** A runner whose handlers hold on until they are let go; `running` resolves with the first. */
async function holding(options: Parameters<typeof app.run>[1] = {}) {
  const [running, gate] = [deferred<string>(), deferred()]
  const runner = await app.run(
    {
      work: async (_, { job }) => {
        running.resolve(job.id)
        await gate.promise
      },
    },
    options,
  )
  return { runner, running: running.promise, letGo: () => gate.resolve() }
}

/** Another process as the database sees one, which has claimed all that there is. */
async function stranger(): Promise<Registration> {
  const registration = await store().registerWorker(60_000, {
    host: 'ada',
    pid: 7,
    tasks: ['work'],
    queues: null,
  })
  const tasks = (await app.query('select id from kongtask.tasks')).map(({ id }) => Number(id))
  await store().claimJobs({ ...registration, claim: 1, queues: 'all', total: 100, tasks })
  return registration
}

async function numberOf(runner: Runner): Promise<number> {
  const [row] = await app.query('select max(id) as id from kongtask.workers')
  expect(runner).toBeDefined()
  return Number(row?.['id'])
}

describe('a job that is over', () => {
  it('was completed', async () => {
    const runner = await app.run({ work: () => 'done' })
    const done = settled(runner, 1)
    const id = await add()
    await done
    const explanation = await explain(id)
    expect(explanation).toMatchObject({ state: 'completed', cause: 'completed', data: { id, attempt: 1 } })
    expect(explanation.sentence).toMatch(/^Job \d+ was completed at \d{4}-.*Z, in attempt 1\.$/)
  })

  it('is dead, with the last error', async () => {
    const runner = await app.run({
      work: () => {
        throw new PermanentError('no such customer')
      },
    })
    const done = settled(runner, 1)
    const id = await add()
    await done
    const explanation = await explain(id)
    expect(explanation).toMatchObject({
      state: 'dead',
      cause: 'dead',
      data: { reason: 'permanent', lastError: { message: 'no such customer', at: expect.any(Date) } },
    })
    expect(explanation.sentence).toMatch(
      /failed for good; the last error was PermanentError: no such customer\.$/,
    )
  })

  it('was cancelled, and why', async () => {
    const id = await add()
    await app.kong.jobs.cancel(id, 'wrong address')
    const explanation = await explain(id)
    expect(explanation).toMatchObject({
      state: 'cancelled',
      cause: 'cancelled',
      data: { reason: 'wrong address' },
    })
    expect(explanation.sentence).toMatch(/was cancelled at .* \(wrong address\)\.$/)
  })

  it('was superseded, and by which', async () => {
    const { runner, running } = await failing()
    const id = await add({ uniqueKey: 'one' })
    await running.promise
    const next = await add({ uniqueKey: 'one', onConflict: 'replace', scheduledIn: '1h' })
    const ended = once(runner, 'job.settled')
    running.letGo()
    await ended
    const explanation = await explain(id)
    expect(explanation).toMatchObject({ state: 'cancelled', cause: 'superseded' })
    expect(explanation.sentence).toContain(`its unique key was given to job ${next}.`)
  })

  it('is not known', async () => {
    expect(await explain('123456')).toMatchObject({
      state: undefined,
      cause: 'not_found',
      data: { id: '123456' },
    })
    await expect(explain('no id')).rejects.toMatchObject({ code: 'KT_OPTION_INVALID' })
  })
})

/** A runner whose handler fails once it is let go. */
async function failing() {
  const [started, gate] = [deferred(), deferred()]
  const runner = await app.run([
    handle(defineTask('work', { backoff: fixed('1h') }), async () => {
      started.resolve()
      await gate.promise
      throw new Error('no luck')
    }),
  ])
  return { runner, running: { promise: started.promise, letGo: () => gate.resolve() } }
}

describe('a job that a process has', () => {
  it('runs, where and since when', async () => {
    const { runner, running, letGo } = await holding()
    const id = await add()
    await running
    const explanation = await explain(id)
    expect(explanation).toMatchObject({
      state: 'running',
      cause: 'running',
      data: {
        attempt: 1,
        runsOn: {
          worker: await numberOf(runner),
          pid: process.pid,
          since: expect.any(Date),
          leaseEndsAt: expect.any(Date),
          isSilent: false,
        },
      },
    })
    expect(explanation.sentence).toMatch(
      /runs on worker \d+ \(.+, pid \d+\) since \d{4}-.*Z, attempt 1 of 25\.$/,
    )
    letGo()
  })

  it('is being cancelled', async () => {
    const { running, letGo } = await holding()
    const id = await add()
    await running
    await app.kong.jobs.cancel(id, 'enough')
    const explanation = await explain(id)
    expect(explanation).toMatchObject({
      state: 'running',
      cause: 'cancelling',
      data: { runsOn: { isSilent: false } },
    })
    expect(explanation.sentence).toMatch(/and was told to stop \(enough\)\.$/)
    letGo()
  })

  it('was cancelled on a process that is gone', async () => {
    const id = await add()
    const { worker } = await stranger()
    await app.kong.jobs.cancel(id, 'enough')
    await app.kong.workers.unlock(worker)
    const explanation = await explain(id)
    expect(explanation).toMatchObject({ state: 'ready', cause: 'cancelling', data: { runsOn: undefined } })
    expect(explanation.sentence).toMatch(
      /was cancelled while it ran \(enough\), and ends as soon as a worker meets it\.$/,
    )
  })

  it('was superseded on a process that is gone', async () => {
    const id = await add({ uniqueKey: 'one' })
    const { worker } = await stranger()
    const next = await add({ uniqueKey: 'one', onConflict: 'replace' })
    await app.kong.workers.unlock(worker)
    const explanation = await explain(id)
    expect(explanation).toMatchObject({ state: 'ready', cause: 'superseded' })
    expect(explanation.sentence).toContain(`will not run again: its unique key was given to job ${next}`)
  })

  it('is on a process that has fallen silent', async () => {
    const id = await add()
    const { worker } = await stranger()
    await app.query(`update kongtask.workers set expires_at = clock_timestamp() - interval '1 s'`)
    const explanation = await explain(id)
    expect(explanation).toMatchObject({
      state: 'running',
      cause: 'worker_silent',
      data: { runsOn: { worker, host: 'ada', pid: 7, isSilent: true } },
    })
    expect(explanation.sentence).toMatch(
      /was running on worker \d+ \(ada, pid 7\) since .*, whose lease ended at/,
    )
  })
})

describe('a job that is not due', () => {
  it('is scheduled', async () => {
    const id = await add({ scheduledAt: '2099-01-01T00:00:00Z' })
    expect(await explain(id)).toMatchObject({
      state: 'scheduled',
      cause: 'scheduled',
      sentence: `Job ${id} is scheduled for 2099-01-01T00:00:00.000Z.`,
      data: { scheduledAt: new Date('2099-01-01T00:00:00Z') },
    })
  })

  it('waits for a retry', async () => {
    const { runner, running } = await failing()
    const failed = once(runner, 'job.failed')
    const id = await add()
    running.letGo()
    await failed
    const explanation = await explain(id)
    expect(explanation).toMatchObject({
      state: 'scheduled',
      cause: 'retrying',
      data: { lastError: { attempt: 1 } },
    })
    expect(explanation.sentence).toMatch(
      /waits until .*Z for attempt 2 of 25, after attempt 1 failed; the last error was Error: no luck\.$/,
    )
  })

  it('snoozes', async () => {
    const runner = await app.run({ work: () => snooze('1h') })
    const done = settled(runner, 1)
    const id = await add()
    await done
    const explanation = await explain(id)
    expect(explanation).toMatchObject({ state: 'scheduled', cause: 'snoozed', data: { snoozes: 1 } })
    expect(explanation.sentence).toMatch(/asked to be run again at .*Z: it snoozed 1 time\.$/)
  })
})

describe('a job that is due', () => {
  it('waits in a queue that is paused', async () => {
    const { running, letGo } = await holding()
    await add({ queue: 'mail' })
    await running
    await app.kong.queues.pause('mail')
    const id = await add({ queue: 'mail' })
    const explanation = await explain(id)
    expect(explanation).toMatchObject({
      state: 'ready',
      cause: 'queue_paused',
      data: { queue: 'mail', queuePausedAt: expect.any(Date) },
    })
    expect(explanation.sentence).toMatch(/waits: its queue "mail" is paused since .*Z\.$/)
    letGo()
  })

  it('is of a task that is paused', async () => {
    const { running, letGo } = await holding()
    await add()
    await running
    await app.kong.tasks.pause('work')
    const explanation = await explain(await add())
    expect(explanation).toMatchObject({
      state: 'ready',
      cause: 'task_paused',
      data: { taskPausedAt: expect.any(Date) },
    })
    letGo()
  })

  it('waits behind the job that has its serial key, and why that one is not finished', async () => {
    const { running, letGo } = await holding()
    const head = await add({ serialKey: 'customer 5' })
    await running
    const id = await add({ serialKey: 'customer 5' })
    const explanation = await explain(id)
    expect(explanation).toMatchObject({
      state: 'ready',
      cause: 'serial_key',
      data: { serialKey: 'customer 5', behind: { cause: 'running', data: { id: head } } },
    })
    expect(explanation.sentence).toMatch(
      /waits for its serial key "customer 5", which another job has: Job \d+ runs on worker \d+ .*\.$/,
    )
    letGo()
  })

  it('waits behind a job that is scheduled', async () => {
    const head = await add({ serialKey: 'k', scheduledIn: '1h' })
    const id = await add({ serialKey: 'k' })
    expect(await explain(id)).toMatchObject({
      cause: 'serial_key',
      data: { behind: { cause: 'scheduled', data: { id: head } } },
    })
    // The head itself waits for nobody.
    expect(await explain(head)).toMatchObject({ cause: 'scheduled', data: { behind: undefined } })
  })

  it('finds no live worker', async () => {
    const id = await add()
    expect(await explain(id)).toMatchObject({
      state: 'ready',
      cause: 'no_worker',
      sentence: `Job ${id} waits: no worker is live.`,
      data: { workers: { live: 0 } },
    })
  })

  it('finds no worker that serves its queue', async () => {
    await app.run({ work: () => undefined }, { queues: { mail: 1 } })
    const id = await add()
    expect(await explain(id)).toMatchObject({
      cause: 'queue_not_served',
      sentence: `Job ${id} waits: of 1 live worker, none serves its queue "default".`,
      data: { workers: { live: 1, serveQueue: 0 } },
    })
  })

  it('finds no worker that knows its task', async () => {
    await app.run({ other: () => undefined })
    const id = await add()
    expect(await explain(id)).toMatchObject({
      cause: 'task_not_known',
      sentence: `Job ${id} waits: of 1 live worker for its queue "default", none knows its task "work".`,
      data: { workers: { serveQueue: 1, knowTask: 0 } },
    })
  })

  it('has a flag that all forbid', async () => {
    await app.run({ work: () => undefined }, { forbiddenFlags: ['gpu', 'night'] })
    const id = await add({ flags: ['gpu'] })
    expect(await explain(id)).toMatchObject({
      cause: 'flag_forbidden',
      sentence: `Job ${id} waits: of 1 live worker that could run it, all forbid one of its flags (gpu).`,
      data: { flags: ['gpu'], workers: { knowTask: 1, allowFlags: 0 } },
    })
  })

  it('waits for a slot, and what has them', async () => {
    const { running, letGo } = await holding({ queues: { default: 1, other: 5 } })
    const busy = await add()
    await running
    await add()
    const id = await add()
    const explanation = await explain(id)
    expect(explanation).toMatchObject({
      state: 'ready',
      cause: 'slots_busy',
      data: { ahead: 1, workers: { slots: 1, freeSlots: 0, busyWith: [busy] } },
    })
    expect(explanation.sentence).toBe(
      `Job ${id} waits: of 1 slot that workers have for it, all are busy, with job ${busy}, and 1 job of its queue comes before it.`,
    )
    letGo()
  })

  it('is in line, with how many before it', async () => {
    // It lives, serves and knows; and it has not looked yet.
    await store().registerWorker(60_000, { tasks: ['work'], queues: null, concurrency: 3 })
    await add()
    await add({ priority: 0 })
    const id = await add()
    await add({ priority: 2 })
    expect(await explain(id)).toMatchObject({
      state: 'ready',
      cause: 'in_line',
      data: { ahead: 2, workers: { slots: 3, freeSlots: 3 } },
    })
  })

  it('does not count on workers that drain', async () => {
    const { runner, running, letGo } = await holding({ concurrency: 5 })
    await add()
    await running
    // Until it has heard of it, it may still take what is added.
    const heard = new Promise((resolve) => runner.on('worker.draining', resolve))
    await app.kong.workers.drain(await numberOf(runner))
    await heard
    expect(await explain(await add())).toMatchObject({ cause: 'no_worker' })
    letGo()
  })
})

describe('a job that waits for a limit over all processes', () => {
  /** Resolves once a claim has met the job, or adding it, and parked it. */
  async function parked(id: string): Promise<Explanation> {
    return eventually(async () => {
      const rows = await app.query('select from kongtask.jobs where id = $1 and waits_for is not null', [id])
      expect(rows).toHaveLength(1)
      return explain(id)
    })
  }

  it('of its task', async () => {
    const { running, letGo } = await holding({ concurrency: 5 })
    await add({ concurrency: 1 })
    await running
    const id = await add({ concurrency: 1 })
    expect(await parked(id)).toMatchObject({
      state: 'ready',
      cause: 'limited',
      sentence: `Job ${id} waits for a limit over all processes: of its task "work", 1 may run at once.`,
      data: { limit: { of: 'task', name: 'work', limit: 1, per: undefined, opensAt: undefined }, ahead: 0 },
    })
    letGo()
  })

  it('of a key, and how many wait for the same before it', async () => {
    const { running, letGo } = await holding({ concurrency: 5 })
    const addFor = async (tenantId: string, priority: number): Promise<string> =>
      (await app.kong.addJob('work', { tenantId }, { priority, concurrency: { limit: 1, by: 'tenantId' } }))
        .id
    await addFor('seven', 0)
    await running
    const id = await addFor('seven', 3)
    await parked(await addFor('seven', 2))
    await parked(await addFor('seven', 4))
    expect(await parked(id)).toMatchObject({
      cause: 'limited',
      sentence: `Job ${id} waits for a limit over all processes: of the jobs with the key "seven", 1 may run at once, and 1 job of its queue comes before it.`,
      data: { limit: { of: 'key', name: 'seven', limit: 1 }, ahead: 1 },
    })
    letGo()
  })

  it('of how many of its task may start, and when the next one may', async () => {
    const runner = await app.run({ work: () => undefined })
    const rateLimit = { limit: 1, per: '1h30m' }
    const done = settled(runner, 1)
    await add({ rateLimit })
    const [event] = await done
    const id = await add({ rateLimit })
    const explanation = await parked(id)
    expect(explanation).toMatchObject({
      cause: 'limited',
      data: { limit: { of: 'task', name: 'work', limit: 1, per: 5_400_000, opensAt: expect.any(Date) } },
    })
    expect(explanation.sentence).toMatch(
      /: of its task "work", 1 may start per 1h30m, the next one at \d{4}-.*Z\.$/,
    )
    const [{ wait } = { wait: undefined }] = await app.query(
      'select extract(epoch from $1 - kongtask.clock())::float8 as wait',
      [explanation.data.limit?.opensAt],
    )
    expect(wait).toBeGreaterThan(5_000)
    expect(wait).toBeLessThanOrEqual(5_400)
    expect(event?.job.id).not.toBe(id)
  })

  it('of how many with its key may start', async () => {
    const runner = await app.run({ work: () => undefined })
    const rateLimit = { limit: 2, per: '1d', key: 'crm: "eu"' }
    const done = settled(runner, 1)
    await add({ rateLimit })
    await done
    expect(await parked(await add({ rateLimit }))).toMatchObject({
      cause: 'limited',
      sentence: expect.stringContaining('of the jobs with the key "crm: "eu"", 2 may start per 1d, the next'),
      data: { limit: { of: 'key', name: 'crm: "eu"', limit: 2, per: 86_400_000 } },
    })
  })

  it('of its queue', async () => {
    await app.kong.queues.limit('default', { concurrency: 1 })
    const { running, letGo } = await holding({ concurrency: 5 })
    await add()
    await running
    const id = await add()
    expect(await explain(id)).toMatchObject({
      state: 'ready',
      cause: 'limited',
      sentence: `Job ${id} waits for a limit over all processes: of its queue "default", 1 may run at once.`,
      data: { limit: { of: 'queue', name: 'default', limit: 1, per: undefined }, workers: { freeSlots: 4 } },
    })
    letGo()
  })

  it('of how many of its queue may start, and when the next one may', async () => {
    await app.kong.queues.limit('default', { rateLimit: { limit: 1, per: '1h' } })
    const runner = await app.run({ work: () => undefined })
    const done = settled(runner, 1)
    await add()
    await done
    const explanation = await explain(await add())
    expect(explanation).toMatchObject({
      state: 'ready',
      cause: 'limited',
      data: { limit: { of: 'queue', name: 'default', limit: 1, per: 3_600_000, opensAt: expect.any(Date) } },
    })
    expect(explanation.sentence).toMatch(
      /: of its queue "default", 1 may start per 1h, the next one at .*Z\.$/,
    )
  })

  it('that no claim has seen it reach yet', async () => {
    const limits = [{ concurrency: 1 }, { rateLimit: { limit: 1, per: '1h', key: 'crm' } }]
    await Promise.all(limits.map((limit) => add(limit)))
    // It has one of each, and looks no more.
    await stranger()
    const ids = await Promise.all(limits.map((limit) => add(limit)))
    expect(await app.query('select from kongtask.jobs where waits_for is not null')).toEqual([])
    expect(await Promise.all(ids.map(explain))).toMatchObject([
      { cause: 'limited', data: { limit: { of: 'task', name: 'work', limit: 1 } } },
      { cause: 'limited', data: { limit: { of: 'key', name: 'crm', opensAt: expect.any(Date) } } },
    ])
  })

  it('and is in line where the limits leave room', async () => {
    await app.kong.queues.limit('default', { concurrency: 9, rateLimit: { limit: 9, per: '1s', burst: 9 } })
    await store().registerWorker(60_000, { tasks: ['work'], queues: null, concurrency: 3 })
    expect(await explain(await add({ concurrency: 1, rateLimit: { limit: 1, per: '1h' } }))).toMatchObject({
      cause: 'in_line',
      data: { limit: undefined },
    })
  })

  it('is paused, or finds no worker, before it is limited', async () => {
    const { runner, running, letGo } = await holding({ concurrency: 5 })
    await add({ concurrency: 1 })
    await running
    const id = await add({ concurrency: 1 })
    await parked(id)
    await app.kong.tasks.pause('work')
    const limit = { of: 'task', name: 'work', limit: 1 }
    expect(await explain(id)).toMatchObject({ cause: 'task_paused', data: { limit } })
    await app.kong.tasks.resume('work')
    await app.kong.workers.drain(await numberOf(runner))
    expect(await explain(id)).toMatchObject({ cause: 'no_worker', data: { limit } })
    letGo()
  })
})
