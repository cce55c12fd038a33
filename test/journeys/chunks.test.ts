import {
  cancel,
  defineTask,
  done,
  failed,
  fixed,
  handle,
  handleChunk,
  PermanentError,
  snooze,
  type ChunkHandler,
  type ChunkJob,
  type Events,
  type TaskListOptions,
} from 'kongtask'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { deferred } from '../support/wait.ts'
import { once, settled, useJourney } from './journey.ts'

const app = useJourney()

const work = defineTask<'work', string>('work', { backoff: fixed('1h'), maxAttempts: 3 })

async function add(...payloads: string[]): Promise<string[]> {
  const added = await app.kong.addJobs(payloads.map((payload) => ({ task: work, payload })))
  return added.map(({ id }) => id)
}

const payloadsOf = (jobs: readonly ChunkJob<string>[]): string[] => jobs.map(({ payload }) => payload)

/** Performs these payloads in one chunk; what each was settled to, by payload. */
async function performed(
  handler: ChunkHandler<string>,
  payloads: readonly string[],
  options: Partial<TaskListOptions> = {},
): Promise<Record<string, Events['job.settled']['settlement']>> {
  const ids = await add(...payloads)
  const runner = await app.run([handleChunk(work, { size: payloads.length, wait: '1m' }, handler)], options)
  const events = await settled(runner, payloads.length)
  return Object.fromEntries(
    events.map(({ job, settlement }) => [payloads[ids.indexOf(job.id)] ?? '', settlement]),
  )
}

describe('a chunk handler', () => {
  it('gets as many jobs as it takes in one call, with their contexts, and each its own result', async () => {
    const calls: unknown[] = []
    const settlements = await performed(
      (jobs) => {
        calls.push(jobs.map(({ payload, context }) => [payload, context.job.payload, context.job.attempt]))
        return jobs.map(({ payload }) => done(`${payload}!`))
      },
      ['a', 'b', 'c'],
    )
    expect(calls).toEqual([
      [
        ['a', 'a', 1],
        ['b', 'b', 1],
        ['c', 'c', 1],
      ],
    ])
    expect(settlements).toEqual({
      a: { kind: 'completed', result: 'a!' },
      b: { kind: 'completed', result: 'b!' },
      c: { kind: 'completed', result: 'c!' },
    })
  })

  const each = [
    done(1),
    failed(new RangeError('no')),
    failed(new PermanentError('never')),
    snooze('1m'),
    cancel('why'),
  ]
  const meant = {
    a: { kind: 'completed', result: 1 },
    b: { kind: 'retry', delay: expect.any(Number), error: { name: 'RangeError' } },
    c: { kind: 'dead', reason: 'permanent' },
    d: { kind: 'snoozed', delay: 60_000 },
    e: { kind: 'cancelled', reason: 'why' },
  }
  it.each<readonly [string, ChunkHandler<string>]>([
    ['in order', () => each],
    ['later', () => Promise.resolve(each)],
    [
      'by id, in any order',
      (jobs) =>
        new Map(jobs.map(({ context }, n) => [context.job.id, each[n] ?? done()] as const).toReversed()),
    ],
    [
      'as Promise.allSettled has them',
      (jobs) =>
        Promise.allSettled(
          jobs.map((_, n) => {
            const outcome = each[n]
            if (outcome === undefined || !('status' in outcome)) return Promise.resolve(outcome)
            return outcome.status === 'fulfilled' ? Promise.resolve(1) : Promise.reject(outcome.reason)
          }),
        ),
    ],
  ])('says what became of each job, %s', async (_, handler) => {
    expect(await performed(handler, ['a', 'b', 'c', 'd', 'e'])).toMatchObject(meant)
  })

  it('that returns nothing has done all of them; one that throws has failed all of them', async () => {
    const completed = { kind: 'completed', result: undefined }
    expect(await performed(() => undefined, ['a', 'b'])).toEqual({ a: completed, b: completed })
    await app.stopRunners()
    const failing = (): never => {
      throw new PermanentError('the index is gone')
    }
    const dead = { kind: 'dead', reason: 'permanent', error: { message: 'the index is gone' } }
    expect(await performed(failing, ['a', 'b'])).toMatchObject({ a: dead, b: dead })
  })

  const unsaid = { kind: 'retry', error: { code: 'KT_CHUNK_INVALID' } }
  const fine = { kind: 'completed' }
  it.each<readonly [string, (jobs: readonly ChunkJob<string>[]) => unknown, object]>([
    ['too few', () => [done()], { a: unsaid, b: unsaid }],
    ['something else', () => 'done', { a: unsaid, b: unsaid }],
    ['no outcome for one', () => [done(), 'done'], { a: fine, b: unsaid }],
    ['nothing by id of one', ([a]) => new Map([[a?.context.job.id, done()]]), { a: fine, b: unsaid }],
  ])('that says %s has failed those jobs of which it said nothing', async (_, answer, settlements) => {
    expect(await Reflect.apply(performed, undefined, [answer, ['a', 'b']])).toMatchObject(settlements)
  })

  it('gets payloads as the schema makes them, without the job whose payload does not fit', async () => {
    const pages = defineTask('pages', { payload: z.object({ n: z.number().transform((n) => n * 2) }) })
    const seen: number[] = []
    const runner = await app.run([
      handleChunk(pages, { size: 2, wait: '1m' }, (jobs) => {
        for (const { payload } of jobs) seen.push(payload.n)
      }),
    ])
    const ended = settled(runner, 3)
    await app.kong.addJobs([
      { task: 'pages', payload: { n: 1 } },
      { task: 'pages', payload: { n: 'two' } },
      { task: 'pages', payload: { n: 3 } },
    ])
    expect((await ended).map(({ settlement }) => settlement.kind).toSorted()).toEqual([
      'completed',
      'completed',
      'dead',
    ])
    expect(seen).toEqual([2, 6])
  })
})

describe('a chunk', () => {
  it('begins when it is full, or when its first job has waited long enough', async () => {
    const sizes: number[] = []
    await add('a', 'b', 'c', 'd', 'e')
    const runner = await app.run([
      handleChunk(work, { size: 2, wait: 30 }, (jobs) => {
        sizes.push(jobs.length)
      }),
    ])
    await settled(runner, 5)
    expect(sizes).toEqual([2, 2, 1])
  })

  it('waits for no more jobs than can run at a time', async () => {
    const sizes: number[] = []
    await add('a', 'b', 'c', 'd')
    const task = handleChunk(work, { size: 100, wait: '1m' }, (jobs) => {
      sizes.push(jobs.length)
    })
    await settled(await app.run([task], { concurrency: 2 }), 4)
    expect(sizes).toEqual([2, 2])
  })

  it('takes a slot for each of its jobs', async () => {
    const [gate, begun] = [deferred(), deferred()]
    let others = 0
    const other = defineTask('other', { priority: 5 })
    await add('a', 'b')
    await app.kong.addJobs([{ task: other }, { task: other }])
    const chunked = handleChunk(work, { size: 2, wait: '1m' }, async () => {
      begun.resolve()
      await gate.promise
    })
    const runner = await app.run([chunked, handle(other, () => void (others += 1))], { concurrency: 2 })
    await begun.promise
    expect(others).toBe(0)
    const ended = settled(runner, 4)
    gate.resolve()
    await ended
    expect(others).toBe(2)
  })

  it('goes without a job that was cancelled while it waited for others', async () => {
    const calls: string[][] = []
    const runner = await app.run([
      handleChunk(work, { size: 2, wait: '1m' }, (jobs) => {
        calls.push(payloadsOf(jobs))
      }),
    ])
    const [started, ended] = [once(runner, 'job.started'), once(runner, 'job.settled')]
    const [early = ''] = await add('early')
    await started
    await app.kong.jobs.cancel(early, 'not needed')
    expect(await ended).toMatchObject({
      job: { id: early },
      settlement: { kind: 'cancelled', reason: 'not needed' },
    })
    const others = settled(runner, 2)
    await add('b', 'c')
    expect((await others).map(({ settlement }) => settlement.kind)).toEqual(['completed', 'completed'])
    expect(calls).toEqual([['b', 'c']])
  })

  it('hears by the signal of a job that this one was cancelled, and goes on with the others', async () => {
    const [begun, heard] = [deferred(), deferred<boolean[]>()]
    const runner = await app.run([
      handleChunk(work, { size: 2, wait: '1m' }, async (jobs, { signal }) => {
        const [first, second] = jobs.map(({ context }) => context.signal)
        const isAborted = new Promise((resolve) => first?.addEventListener('abort', resolve))
        begun.resolve()
        await isAborted
        heard.resolve([first, second, signal].map((each) => each?.aborted === true))
        return jobs.map(({ context }) =>
          context.signal.aborted ? failed(context.signal.reason) : done('sent'),
        )
      }),
    ])
    const ended = settled(runner, 2)
    const [a = '', b = ''] = await add('a', 'b')
    await begun.promise
    await app.kong.jobs.cancel(a, 'not needed')
    expect(await heard.promise).toEqual([true, false, false])
    const settlements = new Map((await ended).map(({ job, settlement }) => [job.id, settlement]))
    expect(settlements.get(a)).toEqual({ kind: 'cancelled', reason: 'not needed' })
    expect(settlements.get(b)).toEqual({ kind: 'completed', result: 'sent' })
  })

  it('has the timeout of each job, which counts from when it began to wait', async () => {
    const runner = await app.run(
      [
        handleChunk(
          defineTask('work', { timeout: 30, backoff: fixed('1h') }),
          { size: 2, wait: '1m' },
          () => {
            throw new Error('there is nothing to perform')
          },
        ),
      ],
      {},
    )
    const ended = settled(runner, 1)
    await app.kong.addJob('work', 'alone')
    expect(await ended).toMatchObject([{ settlement: { kind: 'retry', error: { name: 'JobTimeoutError' } } }])
  })

  it('of which all are told to end is told so itself, once', async () => {
    const [begun, heard] = [deferred(), deferred<unknown>()]
    await add('a', 'b')
    const runner = await app.run(
      [
        handleChunk(work, { size: 2, wait: '1m' }, async (_, { signal }) => {
          begun.resolve()
          await new Promise((resolve) => signal.addEventListener('abort', resolve))
          heard.resolve(signal.reason)
          throw signal.reason
        }),
      ],
      { gracePeriod: 0 },
    )
    await begun.promise
    await runner.stop()
    expect(await heard.promise).toMatchObject({ name: 'ShutdownError' })
    expect(await app.states()).toEqual({ ready: 2 })
    expect(await app.query('select distinct attempt from kongtask.jobs')).toEqual([{ attempt: 0 }])
  })

  it('that is not full when the grace period ends is given back, attempts and all', async () => {
    let calls = 0
    const task = handleChunk(work, { size: 3, wait: '1m' }, () => void (calls += 1))
    const runner = await app.run([task], { gracePeriod: 0 })
    const started = once(runner, 'job.started')
    await add('a', 'b')
    await started
    await runner.stop()
    expect(calls).toBe(0)
    expect(await app.states()).toEqual({ ready: 2 })
    expect(await app.query('select distinct attempt from kongtask.jobs')).toEqual([{ attempt: 0 }])
  })

  it('is gathered inside of the middleware, which goes round each job', async () => {
    const [seen, calls]: [unknown[], string[][]] = [[], []]
    const ids = await add('a', 'b')
    const runner = await app.run(
      [
        handleChunk(work, { size: 2, wait: 10 }, (jobs) => {
          calls.push(payloadsOf(jobs))
          return jobs.map(({ payload }) => done(payload))
        }),
      ],
      {
        middleware: [
          async ({ job }, next) => {
            if (job.payload === 'b') return 'without the chunk'
            seen.push(await next())
            return 'behind the chunk'
          },
        ],
      },
    )
    await settled(runner, 2)
    expect([seen, calls]).toEqual([['a'], [['a']]])
    const results = await Promise.all(ids.map(async (id) => (await app.job(id)).result))
    expect(results).toEqual(['behind the chunk', 'without the chunk'])
  })

  it('may complete its jobs in a transaction of its own', async () => {
    const settlements = await performed(
      async (jobs, { withTransaction }) => {
        await withTransaction(async (tx) => {
          for (const { payload, context } of jobs) await context.complete(tx, `${payload} committed`)
        })
      },
      ['a', 'b'],
    )
    expect(settlements).toEqual({
      a: { kind: 'completed', result: 'a committed' },
      b: { kind: 'completed', result: 'b committed' },
    })
  })

  it('performs jobs of one when its handler is called directly', async () => {
    const task = handleChunk(work, { size: 2 }, (jobs) => jobs.map(({ payload }) => done(payload)))
    const runner = await app.run([
      { name: 'direct', handle: (payload, context) => task.handle(payload, context) },
    ])
    const ended = settled(runner, 1)
    await app.kong.addJob('direct', 'x')
    expect(await ended).toMatchObject([{ settlement: { kind: 'completed', result: 'x' } }])
  })
})

describe('a chunk handler as a task', () => {
  it.each<readonly [string, unknown[], string]>([
    ['no task', [{}, { size: 1 }, () => []], 'KT_TASK_INVALID'],
    ['no function', [work, { size: 1 }, 1], 'KT_TASK_INVALID'],
    ['no size', [work, {}, () => []], 'KT_OPTION_INVALID'],
    ['no options', [work, undefined, () => []], 'KT_OPTION_INVALID'],
    ['a size of nothing', [work, { size: 0 }, () => []], 'KT_OPTION_INVALID'],
    ['a wait that is none', [work, { size: 1, wait: 'soon' }, () => []], 'KT_DURATION_INVALID'],
    ['a wait of hours', [work, { size: 1, wait: '1h' }, () => []], 'KT_OPTION_INVALID'],
    ['an unknown option', [work, { size: 1, waits: 1 }, () => []], 'KT_OPTION_UNKNOWN'],
  ])('cannot be made with %s', (_, args, code) => {
    expect(() => Reflect.apply(handleChunk, undefined, args)).toThrow(expect.objectContaining({ code }))
  })
})
