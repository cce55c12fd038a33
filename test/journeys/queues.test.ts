import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { deferred } from '../support/wait.ts'
import { once, settled, useJourney } from './journey.ts'

const app = useJourney()

/** Counts how many handlers run at once, by queue and altogether. */
class Counter {
  readonly most: Record<string, number> = {}
  readonly #now: Record<string, number> = {}

  async run(queue: string): Promise<void> {
    for (const key of [queue, 'all']) {
      this.#now[key] = (this.#now[key] ?? 0) + 1
      this.most[key] = Math.max(this.most[key] ?? 0, this.#now[key])
    }
    // Long enough for the others to start.
    for (let turns = 0; turns < 20; turns++) await turn()
    for (const key of [queue, 'all']) this.#now[key] = (this.#now[key] ?? 0) - 1
  }
}

const jobs = (queue: string, count: number): { task: string; queue: string }[] =>
  Array.from({ length: count }, () => ({ task: 'work', queue }))

describe('queues with concurrencies of their own', () => {
  it('never run more than that at once, and each runs as many', async () => {
    const counter = new Counter()
    const runner = await app.run({ work: (_, { job }) => counter.run(job.queue) }, { queues: { a: 3, b: 1 } })
    const done = settled(runner, 30)
    await app.kong.addJobs([...jobs('a', 20), ...jobs('b', 10)])
    await done
    expect(counter.most).toEqual({ a: 3, b: 1, all: 4 })
  })

  it('leave other queues alone', async () => {
    const runner = await app.run({ work: () => undefined }, { queues: { a: 1 } })
    const [left] = await app.kong.addJobs(jobs('b', 1))
    const done = settled(runner, 3)
    await app.kong.addJobs(jobs('a', 3))
    await done
    expect(await app.job(left?.id ?? '')).toMatchObject({ state: 'ready', attempt: 0 })
  })

  it('do not hold each other up', async () => {
    const gate = deferred()
    const runner = await app.run(
      { work: (_, { job }) => (job.queue === 'slow' ? gate.promise : undefined) },
      { queues: { slow: 2, quick: 2 } },
    )
    await app.kong.addJobs(jobs('slow', 5))
    const done = settled(runner, 50)
    await app.kong.addJobs(jobs('quick', 50))
    await done
    const rest = settled(runner, 5)
    gate.resolve()
    expect(await rest).toHaveLength(5)
  })
})

describe('one concurrency for all queues', () => {
  it('is shared, and no queue waits for the next poll', async () => {
    const counter = new Counter()
    const runner = await app.run({ work: (_, { job }) => counter.run(job.queue) }, { concurrency: 3 })
    const done = settled(runner, 41)
    await app.kong.addJobs([...jobs('a', 1), ...jobs('b', 38), ...jobs('c', 2)])
    await done
    expect(counter.most['all']).toBe(3)
  })

  it('serves queues that did not exist when the runner started', async () => {
    const queues: string[] = []
    const runner = await app.run({ work: (_, { job }) => void queues.push(job.queue) })
    for (const queue of ['first', 'second', 'third']) {
      const done = settled(runner, 1)
      await app.kong.addJobs(jobs(queue, 1))
      expect(await done).toMatchObject([{ job: { queue } }])
    }
    expect(queues).toEqual(['first', 'second', 'third'])
  })

  it('larger than what one claim takes is used', async () => {
    const [full, gate] = [deferred(), deferred()]
    let running = 0
    const runner = await app.run(
      {
        work: async () => {
          running += 1
          if (running === 1_500) full.resolve()
          await gate.promise
        },
      },
      // A heartbeat would make it look again; this must not wait for one.
      { concurrency: 1_500, leaseDuration: '10m' },
    )
    const done = settled(runner, 1_600)
    await app.kong.addJobs(jobs('a', 1_600))
    await full.promise
    gate.resolve()
    expect(await done).toHaveLength(1_600)
  })
})

describe('a runner', () => {
  it('leaves jobs of tasks that it does not know to one that does', async () => {
    const ignorant = await app.run({ other: () => undefined })
    const { id } = await app.kong.addJob('work')
    const done = settled(ignorant, 1)
    await app.kong.addJob('other')
    await done
    expect(await app.job(id)).toMatchObject({ state: 'ready', attempt: 0 })
    const expert = await app.run({ work: () => undefined })
    await once(expert, 'job.settled')
    expect(await app.job(id)).toMatchObject({ state: 'completed' })
  })

  it('runs better priorities first', async () => {
    const order: unknown[] = []
    await app.kong.addJobs(
      [9, 0, 5, 1, 15].map((priority) => ({ task: 'work', payload: priority, priority })),
    )
    const runner = await app.run({ work: (payload) => void order.push(payload) }, { concurrency: 1 })
    await settled(runner, 5)
    expect(order).toEqual([0, 1, 5, 9, 15])
  })

  it('shares the work with others, and no job runs twice', async () => {
    const ran: unknown[] = []
    const tasks = { work: (payload: unknown) => void ran.push(payload) }
    const runners = [await app.run(tasks), await app.run(tasks), await app.run(tasks)]
    const all = deferred()
    let count = 0
    for (const runner of runners) {
      runner.on('job.settled', () => {
        count += 1
        if (count === 600) all.resolve()
      })
    }
    await app.kong.addJobs(Array.from({ length: 600 }, (_, n) => ({ task: 'work', payload: n })))
    await all.promise
    expect(ran).toHaveLength(600)
    expect(new Set(ran).size).toBe(600)
    expect(await app.states()).toEqual({ completed: 600 })
  })
})
