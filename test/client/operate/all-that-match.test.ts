// What an operator does with all jobs that fit a filter, while workers claim and settle: nothing is lost, nothing runs
// twice, and the counts add up.
import type { BulkResult, Runner } from 'kongtask'
import { describe, expect, it } from 'vitest'
import { useJourney } from '../../journeys/journey.ts'
import { eventually } from '../../support/wait.ts'

const app = useJourney()
const COUNT = 2_000

const half = (n: number): readonly string[] => (n % 2 === 0 ? ['even'] : ['odd'])

/** Adds jobs of which every second one has the tag `even`. */
async function addJobs(options: object = {}, count = COUNT): Promise<string[]> {
  const jobs = Array.from({ length: count }, (_, n) => ({
    task: 'work',
    payload: { n },
    tags: half(n),
    ...options,
  }))
  return (await app.kong.addJobs(jobs)).map(({ id }) => id)
}

/** A busy process: how often each job ran to its end. */
async function work(runs: Map<string, number>, pauseMs = 1): Promise<Runner> {
  return app.run(
    {
      work: async (_, { job, signal }) => {
        await new Promise((resolve) => setTimeout(resolve, pauseMs))
        signal.throwIfAborted()
        runs.set(job.id, (runs.get(job.id) ?? 0) + 1)
      },
    },
    { concurrency: 8, pollInterval: '100ms' },
  )
}

/** Until at least so many have run: the queue is being worked. */
function underWay(runs: ReadonlyMap<string, number>, least = 50): Promise<void> {
  return eventually(() => expect(runs.size).toBeGreaterThan(least))
}

async function dry(): Promise<void> {
  await eventually(
    async () =>
      expect(
        await app.query("select from kongtask.jobs where run_at < now() + interval '1 m' limit 1"),
      ).toEqual([]),
    { within: 25_000 },
  )
}

async function finals(): Promise<{ completed: Set<string>; cancelled: Set<string> }> {
  const rows = await app.query('select id::text, completed from kongtask.history')
  const ids = (completed: boolean): Set<string> =>
    new Set(rows.filter((row) => row['completed'] === completed).map(({ id }) => String(id)))
  expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length)
  return { completed: ids(true), cancelled: ids(false) }
}

const ranOnce = (runs: ReadonlyMap<string, number>): void =>
  expect([...runs.values()].filter((n) => n !== 1)).toEqual([])

describe('while the queue is being worked', () => {
  it('cancelling all with a tag: what was cancelled and what was completed add up', async () => {
    const ids = await addJobs()
    const even = new Set(ids.filter((_, n) => n % 2 === 0))
    const runs = new Map<string, number>()
    await work(runs)
    await underWay(runs)
    const result = await app.kong.jobs.cancel({ tag: 'even' }, { reason: 'enough' })
    await dry()
    const { completed, cancelled } = await finals()
    expect(completed.size + cancelled.size).toBe(COUNT)
    expect([...cancelled].filter((id) => !even.has(id))).toEqual([])
    expect(cancelled.size).toBeGreaterThan(100)
    // A handler that was told at its very end may have completed all the same.
    expect(result.changed).toBeGreaterThanOrEqual(cancelled.size)
    expect(result).toMatchObject({ conflicts: 0, complete: true })
    expect(result.matched).toBe(result.changed + result.skipped)
    ranOnce(runs)
    expect([...cancelled].filter((id) => runs.has(id))).toEqual([])
    expect(new Set(runs.keys())).toEqual(completed)
  })

  it('deleting all with a tag: what is left ran once, what was deleted did not run', async () => {
    const ids = await addJobs()
    const runs = new Map<string, number>()
    await work(runs)
    await underWay(runs)
    const { changed } = await app.kong.jobs.delete({ tag: 'even', state: ['ready', 'scheduled'] })
    await dry()
    expect(changed).toBeGreaterThan(100)
    ranOnce(runs)
    expect(runs.size).toBe(COUNT - changed)
    expect((await finals()).completed).toEqual(new Set(runs.keys()))
    expect(ids.filter((id, n) => n % 2 === 1 && !runs.has(id))).toEqual([])
  })

  it('rescheduling all with a tag: they wait, the others ran, each once', async () => {
    await addJobs()
    const runs = new Map<string, number>()
    await work(runs)
    await underWay(runs)
    const { changed } = await app.kong.jobs.reschedule({ tag: 'even' }, { scheduledIn: '1h' })
    await dry()
    ranOnce(runs)
    expect(changed).toBeGreaterThan(100)
    expect(await app.states()).toEqual({ completed: COUNT - changed, scheduled: changed })
    // And back: they all run.
    const again = await app.kong.jobs.runNow({ tag: 'even' })
    expect(again).toMatchObject({ matched: changed, changed, skipped: 0 })
    await dry()
    ranOnce(runs)
    expect(await app.states()).toEqual({ completed: COUNT })
  })

  it('other priorities, once and back: each runs once', async () => {
    await addJobs()
    const runs = new Map<string, number>()
    await work(runs)
    await underWay(runs)
    await app.kong.jobs.reprioritise({ tag: 'even' }, 9)
    await app.kong.jobs.reprioritise({ tag: 'even' }, 0)
    await dry()
    ranOnce(runs)
    expect(await app.states()).toEqual({ completed: COUNT })
  })

  it('retrying what failed: each fails once and is completed once', async () => {
    const ids = await addJobs({}, 600)
    const attempts = new Map<string, number[]>()
    await app.run(
      {
        work: (_, { job }) => {
          attempts.set(job.id, [...(attempts.get(job.id) ?? []), job.attempt])
          if (job.attempt === 1) throw new Error(`no, not ${job.id}`)
        },
      },
      { concurrency: 8, pollInterval: '100ms' },
    )
    await eventually(
      async () => {
        await app.kong.jobs.retry({ task: 'work' })
        expect(await app.states()).toEqual({ completed: 600 })
      },
      { within: 25_000 },
    )
    expect(new Set(attempts.keys())).toEqual(new Set(ids))
    expect([...attempts.values()].filter((each) => each.join() !== '1,2')).toEqual([])
  })

  it('two operators at once: every job is cancelled by one of them', async () => {
    await addJobs()
    const runs = new Map<string, number>()
    await work(runs)
    await underWay(runs)
    const two = await Promise.all([
      app.kong.jobs.cancel({ task: 'work' }),
      app.kong.jobs.cancel({ tag: 'even' }),
    ])
    await dry()
    const { completed, cancelled } = await finals()
    expect(completed.size + cancelled.size).toBe(COUNT)
    expect(two[0].changed + two[1].changed).toBeGreaterThanOrEqual(cancelled.size)
    ranOnce(runs)
  })

  it('serial keys: those that are left run in order, one at a time', async () => {
    const jobs = Array.from({ length: 900 }, (_, n) => ({
      task: 'serial',
      tags: half(n),
      serialKey: `bulk-${n % 30}`,
      payload: { n },
    }))
    await app.kong.addJobs(jobs)
    const order = new Map<string, number[]>()
    const running = new Set<string>()
    let most = 0
    await app.run(
      {
        serial: async (payload, { job }) => {
          const key = job.serialKey ?? ''
          if (running.has(key)) most += 1
          running.add(key)
          await new Promise((resolve) => setTimeout(resolve, 1))
          running.delete(key)
          const n = Number(Reflect.get(Object(payload), 'n'))
          order.set(key, [...(order.get(key) ?? []), n])
        },
      },
      { concurrency: 8, pollInterval: '100ms' },
    )
    await eventually(() => expect([...order.values()].flat().length).toBeGreaterThan(30))
    await app.kong.jobs.cancel({ tag: 'even', state: ['ready', 'scheduled'] })
    await dry()
    expect(most).toBe(0)
    for (const each of order.values()) expect(each).toEqual(each.toSorted((a, b) => a - b))
    expect([...order.values()].flat().filter((n) => n % 2 === 1)).toHaveLength(450)
    const { completed, cancelled } = await finals()
    expect(completed.size + cancelled.size).toBe(900)
    expect(await app.query(`select from kongtask.serial_keys where key like 'bulk-%'`)).toEqual([])
  })
})

describe('a dry run', () => {
  it('tells how many would be touched, and touches none', async () => {
    await addJobs({}, 100)
    expect(await app.kong.jobs.cancel({ tag: 'even' }, { dryRun: true })).toEqual({
      matched: 50,
      changed: 0,
      conflicts: 0,
      skipped: 0,
      scanned: 100,
      complete: true,
    })
    expect(await app.states()).toEqual({ ready: 100 })
  })

  it('stops counting somewhere, and says so', async () => {
    await app.query(`insert into kongtask.tasks (name) values ('work') on conflict do nothing`)
    await app.query(`insert into kongtask.queues (name) values ('default') on conflict do nothing`)
    await app.query(
      `insert into kongtask.jobs (id, run_at, created_at, queue_id, task_id, retain_s, lane, max_attempts, payload)
       select nextval('kongtask.job_ids'), now(), now(), q.id, t.id, 0, 1, 25, '{}'
         from generate_series(1, 25000), kongtask.queues q, kongtask.tasks t`,
    )
    const result = await app.kong.jobs.delete({ state: 'ready' }, { dryRun: true })
    expect(result.matched).toBeGreaterThanOrEqual(10_000)
    expect(result.matched).toBeLessThan(25_000)
    expect(result).toMatchObject({ changed: 0, complete: false })
    expect(await app.kong.jobs.delete({ state: 'ready' })).toMatchObject({
      matched: 25_000,
      changed: 25_000,
      complete: true,
    })
  })
})

describe('progress', () => {
  it('is told after each batch, and an abort ends the work between two', async () => {
    await addJobs({ scheduledIn: '1h' }, 1_500)
    const told: BulkResult[] = []
    const stop = new AbortController()
    const onBatch = (progress: BulkResult): void => {
      told.push(progress)
      if (told.length === 2) stop.abort(new Error('enough'))
    }
    await expect(app.kong.jobs.cancel({ task: 'work' }, { signal: stop.signal, onBatch })).rejects.toThrow(
      'enough',
    )
    expect(told.map(({ changed }) => changed)).toEqual([500, 1_000])
    expect(await app.states()).toEqual({ cancelled: 1_000, scheduled: 500 })
  })
})

describe('a job that somebody has locked all the time', () => {
  it('is left alone and counted', async () => {
    const [first] = await addJobs({ scheduledIn: '1h' }, 10)
    const client = await app.database.pool.connect()
    await client.query('begin')
    await client.query('select from kongtask.jobs where id = $1 for update', [first])
    const result = await app.kong.jobs.cancel({ task: 'work' })
    await client.query('rollback')
    client.release()
    expect(result).toMatchObject({ matched: 10, changed: 9, skipped: 1 })
    expect(await app.states()).toEqual({ cancelled: 9, scheduled: 1 })
  })
})

it('what changed since it was found is left alone: a filter is read again under the lock', async () => {
  const [id = ''] = await addJobs({ scheduledIn: '1h' }, 1)
  const [row] = await app.query(
    `select status from kongtask.cancel_jobs(array[$1::int8], null, 'r', '{"states": ["ready"]}')`,
    [id],
  )
  expect(row).toEqual({ status: 'refused' })
  expect(await app.states()).toEqual({ scheduled: 1 })
})
