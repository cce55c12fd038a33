import { describe, expect, it } from 'vitest'
import { deferred, eventually } from '../support/wait.ts'
import { settled, useJourney } from './journey.ts'

const app = useJourney()

const jobs = (count: number, queue = 'crm'): { task: string; queue: string }[] =>
  Array.from({ length: count }, () => ({ task: 'work', queue }))

describe('the limits of a queue', () => {
  it('are listed, and what is not said stays as it is', async () => {
    await app.kong.queues.limit('crm', { concurrency: 10, rateLimit: { limit: 300, per: '1m' } })
    const listed = { name: 'crm', concurrency: 10, rateLimit: { limit: 300, per: 60_000, burst: 1 } }
    expect(await app.kong.queues.list()).toMatchObject([listed])
    await app.kong.queues.limit('crm', {})
    await app.kong.queues.limit('crm', { concurrency: undefined, rateLimit: undefined })
    expect(await app.kong.queues.list()).toMatchObject([listed])
    await app.kong.queues.limit('crm', { concurrency: 5 })
    expect(await app.kong.queues.list()).toMatchObject([{ ...listed, concurrency: 5 }])
    await app.kong.queues.limit('crm', { rateLimit: { limit: 1, per: 1, burst: 3 } })
    expect(await app.kong.queues.list()).toMatchObject([
      { concurrency: 5, rateLimit: { limit: 1, per: 1, burst: 3 } },
    ])
  })

  it('are taken away by null, each by itself', async () => {
    await app.kong.queues.limit('crm', { concurrency: 10, rateLimit: { limit: 300, per: '1m' } })
    await app.kong.queues.limit('crm', { concurrency: null })
    expect(await app.kong.queues.list()).toMatchObject([
      { concurrency: undefined, rateLimit: { limit: 300 } },
    ])
    await app.kong.queues.limit('crm', { rateLimit: null })
    expect(await app.kong.queues.list()).toMatchObject([{ concurrency: undefined, rateLimit: undefined }])
    await app.kong.queues.limit('crm', { concurrency: null, rateLimit: null })
  })

  it('hold over all runners, and more go on as soon as there is room', async () => {
    let [running, most] = [0, 0]
    const gate = deferred()
    const handler = async (): Promise<void> => {
      running += 1
      most = Math.max(most, running)
      await gate.promise
      running -= 1
    }
    await app.kong.queues.limit('crm', { concurrency: 3 })
    // Five are more than one of them can run.
    for (let runner = 0; runner < 2; runner++) await app.run({ work: handler }, { concurrency: 4 })
    await app.kong.addJobs(jobs(8))
    await eventually(() => expect(running).toBe(3))
    expect(most).toBe(3)
    // These would wait for a poll in an hour, were nobody woken.
    await app.kong.queues.limit('crm', { concurrency: 5 })
    await eventually(() => expect(running).toBe(5))
    expect(most).toBe(5)
    await app.kong.queues.limit('crm', { concurrency: null })
    await eventually(() => expect(running).toBe(8))
    gate.resolve()
    await eventually(() => expect(running).toBe(0))
  })

  it('count jobs that wait for them as ready', async () => {
    const gate = deferred()
    const runner = await app.run({ work: () => gate.promise })
    const done = settled(runner, 3)
    const limited = { concurrency: { limit: 1, key: 'crm' } }
    await app.kong.addJobs(jobs(3).map((job) => ({ ...job, ...limited })))
    await eventually(async () =>
      expect(await app.kong.queues.list()).toMatchObject([
        { name: 'crm', ready: 2, running: 1, oldestReadyAge: expect.any(Number) },
      ]),
    )
    await eventually(async () =>
      expect(await app.query('select from kongtask.jobs where waits_for is not null')).toHaveLength(2),
    )
    expect(await app.kong.queues.list()).toMatchObject([{ name: 'crm', ready: 2, running: 1, scheduled: 0 }])
    gate.resolve()
    await done
  })
})
