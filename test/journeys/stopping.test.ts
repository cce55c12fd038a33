import { defineTask, run, ShutdownError, type AddedJob, type Runner } from 'kongtask'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { deferred, eventually } from '../support/wait.ts'
import { silent } from './journey-logger.ts'
import { once, settled, useJourney } from './journey.ts'

const app = useJourney()

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve()))

/** What runners have left in the database. */
async function traces(): Promise<readonly unknown[]> {
  return [
    ...(await app.query('select id as worker from kongtask.workers')),
    ...(await app.query('select worker, claim from kongtask.claims')),
    ...(await app.query('select id as running from kongtask.jobs where worker <> 0')),
  ]
}

describe('stop', () => {
  it('lets running handlers end, claims no more, and writes what they came to', async () => {
    const [started, gate] = [deferred(), deferred()]
    const runner = await app.run({
      work: async () => {
        started.resolve()
        await gate.promise
        return 'in time'
      },
    })
    const { id } = await app.kong.addJob('work')
    await started.promise
    const stopping = once(runner, 'worker.stopping')
    const stopped = runner.stop()
    expect(await stopping).toMatchObject({ running: 1 })
    const later = await app.kong.addJob('work')
    gate.resolve()
    await stopped
    expect(await app.job(id)).toMatchObject({ state: 'completed', result: 'in time' })
    expect(await app.job(later.id)).toMatchObject({ state: 'ready', attempt: 0 })
    expect(await traces()).toEqual([])
  })

  it('aborts what still runs after the grace period, and gives it back with its attempt', async () => {
    const reasons: unknown[] = []
    const started = deferred()
    const runner = await app.run(
      {
        work: async (_, { signal }) => {
          started.resolve()
          await aborted(signal)
          reasons.push(signal.reason)
          throw signal.reason
        },
      },
      { gracePeriod: '30ms' },
    )
    const { id } = await app.kong.addJob('work', {}, { maxAttempts: 1 })
    await started.promise
    await runner.stop()
    expect(reasons).toEqual([expect.any(ShutdownError)])
    expect(await app.job(id)).toMatchObject({ state: 'ready', attempt: 0, errors: [] })
    expect(await app.query('select crashes from kongtask.jobs')).toEqual([{ crashes: 0 }])
    expect(await traces()).toEqual([])
  })

  it('still counts a handler that returns after it was aborted', async () => {
    const started = deferred()
    const runner = await app.run(
      {
        work: async (_, { signal }) => {
          started.resolve()
          await aborted(signal)
          return 'saved my work'
        },
      },
      { gracePeriod: 0 },
    )
    const { id } = await app.kong.addJob('work')
    await started.promise
    await runner.stop()
    expect(await app.job(id)).toMatchObject({ state: 'completed', result: 'saved my work' })
  })

  it('gives back what was claimed and not started', async () => {
    // Quick handlers make the runner claim ahead; then one blocks while others wait in memory behind it.
    const [blocked, gate] = [deferred(), deferred()]
    let ended = 0
    const runner = await app.run(
      {
        quick: () => void (ended += 1),
        block: async () => {
          blocked.resolve()
          await gate.promise
        },
      },
      { concurrency: 1 },
    )
    await app.kong.addJobs([
      ...Array.from({ length: 3_000 }, () => ({ task: 'quick', priority: 0 })),
      { task: 'block', priority: 1 },
      ...Array.from({ length: 500 }, () => ({ task: 'quick', priority: 2 })),
    ])
    await blocked.promise
    const endedBefore = ended
    const stopped = runner.stop()
    gate.resolve()
    await stopped
    expect(ended).toBe(endedBefore)
    // However far it came: what has ended is written, everything else is as it was.
    expect(await app.states()).toEqual({ completed: ended + 1, ready: 3_500 - ended })
    expect(await app.query('select distinct attempt, crashes from kongtask.jobs')).toEqual([
      { attempt: 0, crashes: 0 },
    ])
    expect(await traces()).toEqual([])
  })

  it('in the middle of much work loses nothing and repeats nothing', async () => {
    const ran = new Map<unknown, number>()
    const tasks = {
      work: async (payload: unknown) => {
        ran.set(payload, (ran.get(payload) ?? 0) + 1)
        if (ran.size % 100 === 50) enough.resolve()
        await Promise.resolve()
      },
    }
    let enough = deferred()
    await app.kong.addJobs(Array.from({ length: 1_000 }, (_, n) => ({ task: 'work', payload: n })))
    for (let restart = 0; restart < 5; restart++) {
      enough = deferred()
      const runner = await app.run(tasks)
      await enough.promise
      await runner.stop()
      const { completed = 0, ready = 0, ...others } = await app.states()
      expect([completed, completed + ready, others]).toEqual([ran.size, 1_000, {}])
    }
    const runner = await app.run(tasks)
    const left = 1_000 - ran.size
    if (left > 0) await settled(runner, left)
    await runner.stop()
    expect(new Set(ran.values())).toEqual(new Set([1]))
    expect(await app.states()).toEqual({ completed: 1_000 })
  })

  it('lets what handlers have begun to add be added, behind their ends too', async () => {
    const checked = deferred()
    const later = defineTask('later', { payload: z.number().refine(() => checked.promise.then(() => true)) })
    let adding: Promise<AddedJob> | undefined
    const runner = await app.run({
      work: (_, { addJob }) => {
        adding = addJob(later, 1)
      },
    })
    const done = settled(runner, 1)
    await app.kong.addJob('work')
    await done
    const stopped = runner.stop()
    // Its lease is the last thing that it gives back before its connections.
    await eventually(async () => expect(await app.query('select from kongtask.workers')).toEqual([]))
    checked.resolve()
    const { id } = (await adding) ?? {}
    await stopped
    expect(await app.job(id ?? '')).toMatchObject({ state: 'ready', task: 'later', payload: 1 })
  })

  it('has nothing added through it afterwards', async () => {
    let add: (() => Promise<AddedJob>) | undefined
    const runner = await app.run({
      work: (_, { addJob }) => {
        add = () => addJob('later')
      },
    })
    const done = settled(runner, 1)
    await app.kong.addJob('work')
    await done
    await runner.stop()
    await expect(add?.()).rejects.toMatchObject({ code: 'KT_CLOSED' })
  })

  it('may be called again and again', async () => {
    const runner = await app.run({ work: () => undefined })
    const stopped = Promise.all([runner.stop(), runner.stop()])
    await stopped
    await runner.stop()
    await runner.stopped
    expect(await traces()).toEqual([])
  })

  it('of one runner leaves the others at work', async () => {
    const [one, other] = [await app.run({ work: () => 1 }), await app.run({ work: () => 2 })]
    await one.stop()
    const done = settled(other, 1)
    await app.kong.addJob('work')
    await done
    expect(await app.query('select id from kongtask.workers')).toHaveLength(1)
  })

  it('does not wait for a handler that ignores its signal, whose later end changes nothing', async () => {
    const gate = deferred()
    const [started, startedSlow] = [deferred(), deferred()]
    const runner = await app.run(
      {
        deaf: async () => {
          started.resolve()
          await gate.promise
          return 'much too late'
        },
        // Was told to end long before the stop, so the stop may not tell it again.
        slow: async (_, { signal }) => {
          await aborted(signal)
          startedSlow.resolve()
          await gate.promise
          return 'much too late'
        },
      },
      { gracePeriod: 0 },
    )
    const [deaf, slow] = await app.kong.addJobs([{ task: 'deaf' }, { task: 'slow', timeout: 10 }])
    await Promise.all([started.promise, startedSlow.promise])
    const stuck = once(runner, 'job.stuck')
    await runner.stop()
    expect(await stuck).toMatchObject({ job: { id: deaf?.id } })
    expect(await traces()).toEqual([])
    // The timeout had decided before the stop came; the other one never failed.
    const asTheyWere = async (): Promise<void> => {
      expect(await app.job(deaf?.id ?? '')).toMatchObject({ state: 'ready', attempt: 0, errors: [] })
      const timedOut = [{ name: 'JobTimeoutError' }]
      expect(await app.job(slow?.id ?? '')).toMatchObject({
        state: 'scheduled',
        attempt: 1,
        errors: timedOut,
      })
    }
    await asTheyWere()
    gate.resolve()
    // Handlers that ended after all have been heard of when this one has.
    const heir = await app.run({ other: () => undefined })
    const done = settled(heir, 1)
    await app.kong.addJob('other')
    await done
    await asTheyWere()
  })
})

describe('a runner stops', () => {
  it('at the end of its scope', async () => {
    let scoped: Runner
    {
      await using runner = await app.run({ work: () => undefined })
      scoped = runner
      const done = settled(runner, 1)
      await app.kong.addJob('work')
      await done
    }
    await scoped.stopped
    expect(await traces()).toEqual([])
  })

  it('when its signal aborts', async () => {
    const controller = new AbortController()
    const runner = await app.run({ work: () => undefined }, { signal: controller.signal })
    controller.abort()
    await runner.stopped
    expect(await traces()).toEqual([])
  })

  it('at once when its signal has aborted already', async () => {
    const runner = await app.run({ work: () => undefined }, { signal: AbortSignal.abort() })
    await runner.stopped
    expect(await traces()).toEqual([])
    const { id } = await app.kong.addJob('work')
    expect(await app.job(id)).toMatchObject({ state: 'ready' })
  })

  it('when its signal aborts while it starts, and leaves nothing open', async () => {
    const controller = new AbortController()
    const starting = app.run({ work: () => undefined }, { signal: controller.signal })
    controller.abort()
    const runner = await starting
    await runner.stopped
    expect(await traces()).toEqual([])
  })

  it('and ends the connections that are its own', async () => {
    const { connectionString } = app.database
    const runner = await run({ connectionString, tasks: { work: () => undefined }, logger: silent })
    const done = settled(runner, 1)
    await app.kong.addJob('work')
    await done
    await runner.stop()
    // The server's end of a connection goes a moment after ours.
    await eventually(async () => expect(await app.backends('kongtask')).toEqual([]))
    await eventually(async () => expect(await app.backends('kongtask listener')).toEqual([]))
  })

  it('and leaves a pool that was given to it open', async () => {
    const runner = await app.run({ work: () => undefined })
    await runner.stop()
    expect(await app.query('select 1 as one')).toEqual([{ one: 1 }])
    expect(app.database.pool.listenerCount('error')).toBe(1)
  })
})

describe('events', () => {
  it('of the last settlements come before the stop is over', async () => {
    const [started, gate] = [deferred(), deferred()]
    const seen: string[] = []
    const runner = await app.run({
      work: async () => {
        started.resolve()
        await gate.promise
      },
    })
    runner.on('job.settled', ({ settlement }) => seen.push(settlement.kind))
    runner.on('worker.stopped', () => seen.push('stopped'))
    await app.kong.addJob('work')
    await started.promise
    const stopped = runner.stop()
    gate.resolve()
    await stopped
    expect(seen).toEqual(['completed', 'stopped'])
  })

  it('go on when a listener throws or rejects', async () => {
    const runner = await app.run({ work: () => undefined })
    runner.on('job.settled', () => {
      throw new Error('not my day')
    })
    runner.on('job.settled', () => Promise.reject(new Error('nor mine')))
    const done = settled(runner, 2)
    await app.kong.addJobs([{ task: 'work' }, { task: 'work' }])
    expect(await done).toHaveLength(2)
  })
})
