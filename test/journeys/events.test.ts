import { describe, expect, it } from 'vitest'
import { deferred } from '../support/wait.ts'
import { settled, useJourney } from './journey.ts'

const app = useJourney()

describe('the events of a runner, in a loop', () => {
  it('come with their names, in order, and the loop ends when the runner has stopped', async () => {
    const runner = await app.run({
      good: () => 'fine',
      bad: () => {
        throw new Error('no')
      },
    })
    const events = runner.events(['job.started', 'job.settled', 'job.failed', 'worker.stopped'])
    const done = settled(runner, 1)
    const good = await app.kong.addJob('good')
    await done
    const alsoDone = settled(runner, 1)
    const bad = await app.kong.addJob('bad')
    await alsoDone
    const stopped = runner.stop()
    const seen: unknown[] = []
    for await (const { name, event } of events) {
      if (name === 'worker.stopped') seen.push(name)
      else if (name === 'job.started') seen.push([name, event.job.id])
      else seen.push([name, event.job.id, event.settlement.kind])
    }
    await stopped
    expect(seen).toEqual([
      ['job.started', good.id],
      ['job.settled', good.id, 'completed'],
      ['job.started', bad.id],
      ['job.failed', bad.id, 'retry'],
      ['job.settled', bad.id, 'retry'],
      'worker.stopped',
    ])
  })

  it('tell of what handlers add, once it is there, and whose handler it was', async () => {
    const runner = await app.run({
      parent: async (_, { addJob, addJobs, withTransaction, with: on }) => {
        // Not to run yet, for the second is to find it.
        await addJob('child', { n: 1 }, { uniqueKey: 'one', scheduledIn: '1h' })
        await addJob('child', { n: 2 }, { uniqueKey: 'one' })
        await addJobs([{ task: 'child' }, { task: 'child', scheduledIn: '1h' }])
        await addJobs([{ task: 'child', payload: undefined, priority: 99 }]).catch(() => undefined)
        await withTransaction(async (tx) => void (await on(tx).addJob('child')))
      },
      child: () => undefined,
    })
    const events = runner.events(['job.added'])
    const done = settled(runner, 3)
    const { id } = await app.kong.addJob('parent')
    await done
    await runner.stop()
    const seen: unknown[] = []
    for await (const { event } of events) seen.push([event.task, event.status, event.parentId])
    expect(seen).toEqual([
      ['child', 'added', id],
      ['child', 'skipped', id],
      ['child', 'added', id],
      ['child', 'added', id],
    ])
  })

  it('wait for a consumer that is too slow, but no more than it said: then the oldest are dropped', async () => {
    const runner = await app.run({ work: () => undefined })
    const events = runner.events(['job.settled'], { buffer: 5 })
    const done = settled(runner, 20)
    const added = await app.kong.addJobs(Array.from({ length: 20 }, () => ({ task: 'work' })))
    const order = (await done).map(({ job }) => job.id)
    expect(order.toSorted()).toEqual(added.map(({ id }) => id).toSorted())
    await runner.stop()
    const seen: string[] = []
    for await (const { event } of events) seen.push(event.job.id)
    expect(seen).toEqual(order.slice(-5))
    expect(events.dropped).toBe(15)
  })

  it('harm no job when the loop throws, or is left, and cost nothing from then on', async () => {
    const runner = await app.run({ work: () => undefined })
    const thrown = deferred<unknown>()
    const consume = async (): Promise<void> => {
      for await (const { name } of runner.events(['job.settled'])) throw new Error(`cannot take ${name}`)
    }
    consume().catch((error: unknown) => thrown.resolve(error))
    const done = settled(runner, 3)
    await app.kong.addJobs(Array.from({ length: 3 }, () => ({ task: 'work' })))
    expect(await done).toHaveLength(3)
    expect(await thrown.promise).toMatchObject({ message: 'cannot take job.settled' })
  })

  it('end with a signal', async () => {
    const runner = await app.run({ work: () => undefined })
    const controller = new AbortController()
    const ended = deferred<number>()
    const consume = async (): Promise<void> => {
      let seen = 0
      for await (const _ of runner.events(['job.settled'], { signal: controller.signal })) {
        seen += 1
        controller.abort()
      }
      ended.resolve(seen)
    }
    void consume()
    await app.kong.addJob('work')
    expect(await ended.promise).toBe(1)
  })

  it('are over at once where the runner has stopped before', async () => {
    const runner = await app.run({ work: () => undefined })
    await runner.stop()
    expect(await runner.events(['job.settled']).next()).toEqual({ done: true, value: undefined })
  })

  it.each<readonly [string, unknown[], string]>([
    ['no names', [[]], 'KT_OPTION_INVALID'],
    ['no list', ['job.settled'], 'KT_OPTION_INVALID'],
    ['a name that no event has', [['job.settld']], 'KT_OPTION_INVALID'],
    ['an unknown option', [['job.settled'], { limit: 5 }], 'KT_OPTION_UNKNOWN'],
    ['a signal that is none', [['job.settled'], { signal: {} }], 'KT_OPTION_INVALID'],
    ['no room at all', [['job.settled'], { buffer: 0 }], 'KT_OPTION_INVALID'],
  ])('cannot be had with %s', async (_, args, code) => {
    const { events } = await app.run({ work: () => undefined })
    expect(() => Reflect.apply(events, undefined, args)).toThrow(expect.objectContaining({ code }))
  })
})
