import { setTimeout as delay } from 'node:timers/promises'
import type { Runner } from 'kongtask'
import { describe, expect, it } from 'vitest'
import { deferred, eventually } from '../support/wait.ts'
import { once, settled, useJourney } from './journey.ts'

const app = useJourney()

interface Start {
  readonly queue: string
  readonly task: string
}

/** Runners under load that note every start of a handler, until the test ends. */
class Load {
  readonly starts: Start[] = []

  /** Handlers take a moment, so that jobs wait in the memory of each process. */
  async runners(count: number, options: Parameters<typeof app.run>[1] = {}): Promise<Runner[]> {
    const note =
      (task: string) =>
      async (_: unknown, { job }: { readonly job: { readonly queue: string } }): Promise<void> => {
        this.starts.push({ queue: job.queue, task })
        await delay(2)
      }
    const tasks = { work: note('work'), other: note('other') }
    return Promise.all(Array.from({ length: count }, () => app.run(tasks, { concurrency: 5, ...options })))
  }

  /** How many have started. */
  count(fits: (start: Start) => boolean = () => true): number {
    return this.starts.filter(fits).length
  }

  /** Resolves once so many more have started. */
  async more(count: number, fits?: (start: Start) => boolean): Promise<void> {
    const before = this.count(fits)
    const check = (): void => {
      const started = this.count(fits) - before
      if (started < count) throw new Error(`only ${started} of ${count} have started`)
    }
    await eventually(check, { within: 10_000 })
  }
}

/** Resolves once no process has such a job: all have heard, and what they had has ended or is back. `which`: a condition in SQL. */
async function isGivenBack(which: string): Promise<void> {
  const held = `select count(*)::int as held
                  from kongtask.jobs j join kongtask.queues q on q.id = j.queue_id join kongtask.tasks t on t.id = j.task_id
                 where j.worker <> 0 and ${which}`
  await eventually(async () => expect(await app.query(held)).toEqual([{ held: 0 }]), { within: 10_000 })
}

/** Resolves once each process has renewed its lease so many times. */
async function heartbeats(count: number): Promise<void> {
  const last = (): Promise<readonly unknown[]> =>
    app.query('select id, heartbeat_at::text from kongtask.workers order by id')
  for (let beat = 0; beat < count; beat++) {
    const before = await last()
    await eventually(async () => {
      const now = await last()
      expect(now).toHaveLength(before.length)
      for (const worker of before) expect(now).not.toContainEqual(worker)
    })
  }
}

async function backlog(
  count: number,
  what: { readonly task: string; readonly queue: string },
): Promise<void> {
  await app.kong.addJobs(Array.from({ length: count }, () => what))
}

describe('a queue that is paused while three runners work it', () => {
  it('starts nothing once all have heard, while another queue goes on', async () => {
    const load = new Load()
    await load.runners(3)
    await backlog(8_000, { task: 'work', queue: 'stopped' })
    await backlog(8_000, { task: 'work', queue: 'free' })
    await load.more(300, ({ queue }) => queue === 'stopped')
    await app.kong.queues.pause('stopped')
    await isGivenBack(`q.name = 'stopped'`)
    const before = load.count(({ queue }) => queue === 'stopped')
    // Many claims later.
    await load.more(300, ({ queue }) => queue === 'free')
    expect(load.count(({ queue }) => queue === 'stopped')).toBe(before)
    const left = await app.query(
      `select count(*)::int as left, max(attempt) as attempt, max(worker) as worker
         from kongtask.jobs j join kongtask.queues q on q.id = j.queue_id where q.name = 'stopped'`,
    )
    // Nobody sits on its jobs, and those that went back lost no attempt.
    expect(left).toEqual([{ left: expect.any(Number), attempt: 0, worker: 0 }])
  })

  it('starts nothing with the next heartbeat where nobody can be told', async () => {
    const load = new Load()
    const runners = await load.runners(2, { leaseDuration: 1_500 })
    const cut = Promise.all(
      runners.map((runner) => once(runner, 'worker.weather', ({ doing }) => doing === 'listen for new jobs')),
    )
    await eventually(async () => expect(await app.backends('kongtask listener')).toHaveLength(2))
    await backlog(10_000, { task: 'work', queue: 'default' })
    await load.more(300)
    await app.asAdmin(`alter database ${app.database.name} with allow_connections false`)
    try {
      for (const pid of await app.backends('kongtask listener')) {
        await app.query('select pg_terminate_backend($1)', [pid])
      }
      await cut
      await app.kong.queues.pause('default')
      // Two, for one may be on its way that has not seen it.
      await heartbeats(2)
      await isGivenBack('true')
      const before = load.count()
      await heartbeats(2)
      expect(load.count()).toBe(before)
      expect(await app.states()).toMatchObject({ ready: expect.any(Number) })
    } finally {
      await app.asAdmin(`alter database ${app.database.name} with allow_connections true`)
    }
  })

  it('goes on at once when it is resumed, although nobody looks by himself', async () => {
    const load = new Load()
    await load.runners(2)
    await app.kong.queues.pause('default')
    await backlog(200, { task: 'work', queue: 'default' })
    expect(await app.kong.queues.list()).toMatchObject([
      { name: 'default', pausedAt: expect.any(Date), ready: 200 },
    ])
    await app.kong.queues.resume('default')
    await load.more(200)
    expect(await app.kong.queues.list()).toMatchObject([{ name: 'default', pausedAt: undefined }])
  })
})

describe('a task that is paused while three runners work it', () => {
  it('starts nothing in any queue once all have heard, while other tasks of these go on', async () => {
    const load = new Load()
    await load.runners(3)
    for (const queue of ['a', 'b']) {
      await backlog(4_000, { task: 'work', queue })
      await backlog(4_000, { task: 'other', queue })
    }
    await load.more(300, ({ task }) => task === 'work')
    await app.kong.tasks.pause('work')
    await isGivenBack(`t.name = 'work'`)
    const before = load.count(({ task }) => task === 'work')
    await load.more(300, ({ task }) => task === 'other')
    expect(load.count(({ task }) => task === 'work')).toBe(before)
    await app.kong.tasks.resume('work')
    await load.more(100, ({ task }) => task === 'work')
  })

  it('leaves what runs alone, and its next job waits', async () => {
    const [running, gate] = [deferred(), deferred()]
    const runner = await app.run(
      {
        work: async () => {
          running.resolve()
          await gate.promise
        },
      },
      { concurrency: 1 },
    )
    const first = await app.kong.addJob('work')
    await running.promise
    const second = await app.kong.addJob('work')
    await app.kong.tasks.pause('work')
    const done = settled(runner, 1)
    gate.resolve()
    expect(await done).toMatchObject([{ job: { id: first.id }, settlement: { kind: 'completed' } }])
    expect(await app.job(second.id)).toMatchObject({ state: 'ready', attempt: 0 })
    const next = settled(runner, 1)
    await app.kong.tasks.resume('work')
    expect(await next).toMatchObject([{ job: { id: second.id } }])
  })
})

describe('names', () => {
  it('that nobody has used yet can be paused, and what is added then waits', async () => {
    await app.kong.queues.pause('tomorrow')
    await app.kong.tasks.pause('later')
    const runner = await app.run({ later: () => undefined, work: () => undefined })
    const waiting = await app.kong.addJobs([
      { task: 'work', queue: 'tomorrow' },
      { task: 'later', queue: 'today' },
    ])
    const done = settled(runner, 1)
    await app.kong.addJob('work', {}, { queue: 'today' })
    await done
    for (const { id } of waiting) expect(await app.job(id)).toMatchObject({ state: 'ready', attempt: 0 })
    const rest = settled(runner, 2)
    await app.kong.queues.resume('tomorrow')
    await app.kong.tasks.resume('later')
    expect(await rest).toHaveLength(2)
  })

  it('that nobody ever used cannot be resumed: it would be a slip', async () => {
    await expect(app.kong.queues.resume('emial')).rejects.toMatchObject({ code: 'KT_QUEUE_NOT_FOUND' })
    await expect(app.kong.tasks.resume('send_emial')).rejects.toMatchObject({ code: 'KT_TASK_NOT_FOUND' })
  })

  it('that are none are refused', async () => {
    for (const verb of ['pause', 'resume'] as const) {
      await expect(app.kong.queues[verb]('no queue')).rejects.toMatchObject({ code: 'KT_NAME_INVALID' })
      await expect(app.kong.tasks[verb]('')).rejects.toMatchObject({ code: 'KT_NAME_INVALID' })
    }
  })

  it('keep the time since when they are paused, however often that is said', async () => {
    await app.kong.queues.pause('default')
    const [before] = await app.kong.queues.list()
    await app.kong.queues.pause('default')
    expect(await app.kong.queues.list()).toMatchObject([{ pausedAt: before?.pausedAt }])
    await app.kong.queues.resume('default')
    await app.kong.queues.resume('default')
    expect(await app.kong.queues.list()).toMatchObject([{ pausedAt: undefined }])
  })
})

describe('the lists', () => {
  it('show what is in the queues, counted up to a limit', async () => {
    await app.kong.queues.pause('busy')
    await backlog(50, { task: 'work', queue: 'busy' })
    await app.kong.addJob('work', {}, { queue: 'calm', scheduledIn: '1h' })
    expect(await app.kong.queues.list({ countTo: 20 })).toEqual([
      {
        name: 'busy',
        pausedAt: expect.any(Date),
        concurrency: undefined,
        rateLimit: undefined,
        scheduled: 0,
        ready: 20,
        running: 0,
        oldestReadyAge: expect.any(Number),
      },
      { name: 'calm', pausedAt: undefined, scheduled: 1, ready: 0, running: 0, oldestReadyAge: undefined },
    ])
    const [busy] = await app.kong.queues.list({ countTo: 0 })
    expect(busy).toMatchObject({ ready: 0 })
    expect(busy?.oldestReadyAge).toBeGreaterThanOrEqual(0)
    await expect(app.kong.queues.list({ countTo: -1 })).rejects.toMatchObject({ code: 'KT_OPTION_INVALID' })
  })

  it('show what runs, and who knows which task', async () => {
    const [running, gate] = [deferred(), deferred()]
    const runner = await app.run({
      work: async () => {
        running.resolve()
        await gate.promise
      },
    })
    const done = settled(runner, 1)
    await app.kong.addJob('work')
    await app.kong.addJob('unheard_of', {}, { queue: 'elsewhere' })
    await running.promise
    expect(await app.kong.queues.list()).toMatchObject([
      { name: 'default', ready: 0, running: 1 },
      { name: 'elsewhere', ready: 1, running: 0 },
    ])
    expect(await app.kong.tasks.list()).toEqual([
      { name: 'unheard_of', pausedAt: undefined, workers: 0, defaults: {} },
      { name: 'work', pausedAt: undefined, workers: 1, defaults: {} },
    ])
    gate.resolve()
    await done
  })
})
