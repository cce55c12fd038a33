import {
  cancel,
  defineTask,
  handle,
  PermanentError,
  snooze,
  type Middleware,
  type TaskList,
  type TaskListOptions,
} from 'kongtask'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { deferred } from '../support/wait.ts'
import { once, settled, useJourney } from './journey.ts'

const app = useJourney()

/** Runs one job of the task `work` inside of these layers; answers what it was settled to. */
async function performed(
  tasks: TaskList,
  middleware: TaskListOptions['middleware'],
  payload: object = {},
): Promise<unknown> {
  const runner = await app.run(tasks, { middleware })
  const done = settled(runner, 1)
  await Reflect.apply(app.kong.addJob, undefined, ['work', payload])
  const [event] = await done
  return event?.settlement
}

const passing: Middleware = (_, next) => next()

describe('middleware', () => {
  it('goes round the handler in layers, the first one outermost, and sees payload, context and result', async () => {
    const seen: unknown[] = []
    const layer =
      (name: string): Middleware =>
      async ({ job, signal, rawPayload }, next) => {
        seen.push([`${name} before`, job.payload, rawPayload, signal.aborted])
        const result = await next()
        seen.push([`${name} after`, result])
        return result
      }
    const work = defineTask('work', { payload: z.object({ n: z.number().transform((n) => n * 2) }) })
    const settlement = await performed(
      [handle(work, ({ n }) => seen.push(['handler', n]) && `result ${n}`)],
      [layer('outer'), layer('inner')],
      { n: 2 },
    )
    expect(seen).toEqual([
      ['outer before', { n: 4 }, '{"n": 2}', false],
      ['inner before', { n: 4 }, '{"n": 2}', false],
      ['handler', 4],
      ['inner after', 'result 4'],
      ['outer after', 'result 4'],
    ])
    expect(settlement).toEqual({ kind: 'completed', result: 'result 4' })
  })

  it.each<readonly [string, Middleware, object]>([
    ['another result', async (_, next) => [await next()], { kind: 'completed', result: ['done'] }],
    ['a snooze', () => snooze('1m'), { kind: 'snoozed', delay: 60_000 }],
    ['a cancel', () => cancel('sold out'), { kind: 'cancelled', reason: 'sold out' }],
    ['nothing', (_, next) => void next(), { kind: 'completed', result: undefined }],
  ])('may put %s in the place of what the handler returned', async (_, layer, settlement) => {
    expect(await performed({ work: () => 'done' }, [passing, layer])).toEqual(settlement)
  })

  it.each<readonly [string, Middleware]>([
    [
      'at once',
      () => {
        throw new PermanentError('not allowed')
      },
    ],
    ['later', () => Promise.reject(new PermanentError('not allowed'))],
    [
      'when the handler has returned',
      async (_, next) => {
        await next()
        throw new PermanentError('not allowed')
      },
    ],
  ])('that throws %s has thrown for the handler', async (_, layer) => {
    expect(await performed({ work: () => 'done' }, [passing, layer])).toMatchObject({
      kind: 'dead',
      reason: 'permanent',
      error: { name: 'PermanentError', message: 'not allowed' },
    })
  })

  it('may make good what the handler threw', async () => {
    const forgiving: Middleware = (_, next) => next().catch((error: unknown) => String(error))
    const failing = (): never => {
      throw new RangeError('no')
    }
    expect(await performed({ work: failing }, [forgiving])).toEqual({
      kind: 'completed',
      result: 'RangeError: no',
    })
  })

  it('that throws for one job harms no other', async () => {
    const picky: Middleware = ({ job }, next) => {
      if (job.payload === 'bad') throw new PermanentError('bad')
      return next()
    }
    const runner = await app.run({ work: (payload) => payload }, { middleware: [picky] })
    const done = settled(runner, 3)
    await app.kong.addJobs(['good', 'bad', 'good'].map((payload) => ({ task: 'work', payload })))
    const kinds = (await done).map(({ settlement }) => settlement.kind)
    expect(kinds.toSorted()).toEqual(['completed', 'completed', 'dead'])
  })

  it.each<readonly [string, Middleware]>([
    [
      'twice',
      async (_, next) => {
        await next()
        return next()
      },
    ],
    ['twice at a time', (_, next) => Promise.all([next(), next()])],
  ])('cannot run the handler %s', async (_, layer) => {
    let runs = 0
    expect(await performed({ work: () => void (runs += 1) }, [layer])).toMatchObject({
      kind: 'retry',
      error: { code: 'KT_MIDDLEWARE_INVALID' },
    })
    expect(runs).toBe(1)
  })

  it('cannot run the handler when it has ended', async () => {
    const late = deferred<() => Promise<unknown>>()
    const hasty: Middleware = (_, next) => {
      late.resolve(next)
      return 'without you'
    }
    let runs = 0
    expect(await performed({ work: () => void (runs += 1) }, [hasty])).toMatchObject({
      result: 'without you',
    })
    const next = await late.promise
    await expect(next()).rejects.toMatchObject({ code: 'KT_MIDDLEWARE_INVALID' })
    expect(runs).toBe(0)
  })

  it.each(['returns', 'throws'])(
    'that does not wait for the handler does not end its attempt before it (%s)',
    async (how) => {
      const [gate, left] = [deferred(), deferred()]
      const order: string[] = []
      const runner = await app.run(
        {
          work: async () => {
            await gate.promise
            order.push('handler')
            if (how === 'throws') throw new Error('nobody looks at this')
          },
          later: () => undefined,
        },
        {
          middleware: [
            (_, next) => {
              void next()
              left.resolve()
              return 'at once'
            },
            (_, next) => void next(),
          ],
        },
      )
      runner.on('job.settled', ({ job }) => order.push(`settled ${job.task}`))
      const done = settled(runner, 2)
      await app.kong.addJob('work')
      await left.promise
      // What ends after the layer has left is settled before.
      const isLaterDone = once(runner, 'job.settled')
      await app.kong.addJob('later')
      await isLaterDone
      gate.resolve()
      expect(await done).toContainEqual(
        expect.objectContaining({ settlement: { kind: 'completed', result: 'at once' } }),
      )
      expect(order).toEqual(['settled later', 'handler', 'settled work'])
    },
  )

  it('may look at what the handler threw when it likes, or never', async () => {
    const thrown = deferred()
    const busy: Middleware = async (_, next) => {
      const work = next()
      void next()
      await thrown.promise
      await new Promise(setImmediate)
      return work
    }
    const failing = (): never => {
      thrown.resolve()
      throw new PermanentError('no')
    }
    expect(await performed({ work: failing }, [busy])).toMatchObject({ error: { message: 'no' } })
  })

  it.each([[{}], [[1]], [[null]], [() => 1]])(
    'must be a list of functions: %j is refused',
    async (middleware) => {
      const wrong: object = { middleware }
      await expect(app.run({ work: () => 1 }, wrong)).rejects.toMatchObject({
        code: 'KT_OPTION_INVALID',
        message: expect.stringContaining('middleware'),
      })
    },
  )
})
