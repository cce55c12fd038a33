import { cancel, defineTask, handle, PermanentError, snooze, type JobContext } from 'kongtask'
import { fake, mockContext, performJob } from 'kongtask/testing'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'

const welcome = defineTask('welcome', {
  payload: z.object({ to: z.string(), locale: z.string().default('en') }),
  maxAttempts: 2,
  timeout: '50ms',
})

describe('mockContext', () => {
  it('remembers what a handler does with it', async () => {
    const context = mockContext({ job: { attempt: 3, id: '7', tags: ['x'] } })
    const handler = async (payload: { to: string }, ctx: JobContext): Promise<string> => {
      ctx.logger.info('sending', { to: payload.to })
      ctx.progress(1, 2, 'half')
      await ctx.addJob('follow_up', { to: payload.to }, { scheduledIn: '3d' })
      const id = await ctx.step('charge', () => 'ch_1')
      return `${ctx.job.id} ${ctx.job.attempt} ${ctx.job.tags.join()} ${id} ${ctx.signal.aborted}`
    }
    expect(await handler({ to: 'ada@example.org' }, context)).toBe('7 3 x ch_1 false')
    expect(context.logs).toEqual([{ level: 'info', message: 'sending', fields: { to: 'ada@example.org' } }])
    expect(context.progressed).toEqual([{ done: 1, total: 2, note: 'half' }])
    expect(context.added).toMatchObject([
      {
        task: 'follow_up',
        payload: { to: 'ada@example.org' },
        state: 'scheduled',
        options: { scheduledIn: 259_200_000 },
      },
    ])
    expect(context.steps).toEqual([{ name: 'charge', result: 'ch_1', sleep: undefined }])
  })

  it('checks what is added as always', async () => {
    const { addJob } = mockContext()
    // @ts-expect-error -- `to` is text
    await expect(addJob(welcome, { to: 1 })).rejects.toMatchObject({ code: 'KT_PAYLOAD_INVALID' })
    await expect(addJob('x', {}, { priority: 99 })).rejects.toMatchObject({ code: 'KT_OPTION_INVALID' })
  })

  it('aborts with the signal that it was given', () => {
    const controller = new AbortController()
    const { signal } = mockContext({ signal: controller.signal })
    expect(signal.aborted).toBe(false)
    controller.abort(new Error('enough'))
    expect(signal.reason).toMatchObject({ message: 'enough' })
    expect(mockContext({ signal: AbortSignal.abort(new Error('before')) }).signal.reason).toMatchObject({
      message: 'before',
    })
  })

  it('has no database but the one that it was given', async () => {
    const own = mockContext()
    await expect(own.pool.query('select 1')).rejects.toMatchObject({ code: 'KT_TEST_POOL' })
    await expect(own.withTransaction(() => Promise.resolve())).rejects.toMatchObject({ code: 'KT_TEST_POOL' })
    const pool = {
      query: () => Promise.resolve({ rows: [], rowCount: 7 }),
      connect: () => Promise.reject(new Error('not this one')),
    }
    expect((await mockContext({ pool }).pool.query('select 1')).rowCount).toBe(7)
  })

  it('can be taken apart and spread', async () => {
    const { logs, ...rest } = { ...mockContext() }
    const { logger, addJob } = rest
    logger.warn('x')
    await addJob('y')
    expect(logs).toHaveLength(1)
    expect(rest.added).toHaveLength(1)
  })
})

describe('performJob', () => {
  it('hands the handler what the schema makes of the payload, and judges what it returns', async () => {
    const seen: unknown[] = []
    const done = await performJob(
      handle(welcome, (payload, { job, rawPayload }) => {
        seen.push(payload, job.attempt, job.task, rawPayload)
        return { sent: true }
      }),
      { to: 'ada@example.org' },
      { attempt: 2 },
    )
    expect(seen).toEqual([{ to: 'ada@example.org', locale: 'en' }, 2, 'welcome', '{"to":"ada@example.org"}'])
    expect(done).toMatchObject({
      error: undefined,
      result: { sent: true },
      outcome: { kind: 'completed' },
      settlement: { kind: 'completed' },
    })
  })

  it('refuses a payload that does not fit without running the handler, and what is no JSON', async () => {
    let runs = 0
    const task = handle(welcome, () => (runs += 1))
    for (const rawPayload of ['"invalid json"', '{"to":1}', 'no json at all']) {
      const { error, settlement } = await performJob(task, undefined, { rawPayload })
      expect(error).toBeInstanceOf(PermanentError)
      expect(settlement).toMatchObject({ kind: 'dead', reason: 'permanent' })
    }
    expect(runs).toBe(0)
  })

  it('says what becomes of a job whose handler throws, by its attempt', async () => {
    const boom = new Error('boom')
    const task = handle(welcome, () => {
      throw boom
    })
    const first = await performJob(task, { to: 'x' })
    expect(first.error).toBe(boom)
    expect(first.settlement).toMatchObject({ kind: 'retry', error: { message: 'boom' } })
    const last = await performJob(task, { to: 'x' }, { attempt: 2 })
    expect(last.settlement).toMatchObject({ kind: 'dead', reason: 'attempts' })
  })

  it('takes the number of the attempt from the job where it is not said', async () => {
    const seen: unknown[] = []
    const task = {
      work: (_: unknown, { job }: JobContext) => {
        seen.push([job.attempt, job.maxAttempts])
        throw new Error('no')
      },
    }
    const last = await performJob(task, {}, { job: { attempt: 25 } })
    expect(last.settlement).toMatchObject({ kind: 'dead', reason: 'attempts' })
    const second = await performJob(task, {}, { job: { attempt: 30, maxAttempts: 30 }, attempt: 2 })
    expect(second.settlement).toMatchObject({ kind: 'retry' })
    expect(seen).toEqual([
      [25, 25],
      [2, 30],
    ])
    const failing = handle(welcome, () => Promise.reject(new Error('no')))
    const { settlement } = await performJob(failing, { to: 'x' }, { job: { attempt: 2, maxAttempts: 3 } })
    expect(settlement).toMatchObject({ kind: 'retry' })
  })

  it('knows verdicts and sleeps', async () => {
    const settled = async (work: (ctx: JobContext) => unknown): Promise<unknown> =>
      (await performJob({ work: (_: unknown, ctx: JobContext) => work(ctx) })).settlement
    expect(await settled(() => snooze('10m'))).toEqual({ kind: 'snoozed', delay: 600_000 })
    expect(await settled(() => cancel('why'))).toEqual({ kind: 'cancelled', reason: 'why' })
    expect(await settled(({ sleep }) => sleep('1h'))).toEqual({ kind: 'snoozed', delay: 3_600_000 })
  })

  it('holds the timeout of the task', async () => {
    const { error, settlement } = await performJob(
      handle(welcome, (_, { signal }) => new Promise((resolve) => signal.addEventListener('abort', resolve))),
      { to: 'x' },
    )
    expect(error).toMatchObject({ code: 'KT_JOB_TIMEOUT' })
    expect(settlement.kind).toBe('retry')
  })

  it('runs the middleware around the handler', async () => {
    const seen: string[] = []
    await performJob(
      { work: () => void seen.push('handler') },
      {},
      {
        middleware: [
          async ({ job }, next) => {
            seen.push(`before ${job.task}`)
            await next()
            seen.push('behind')
          },
        ],
      },
    )
    expect(seen).toEqual(['before work', 'handler', 'behind'])
  })

  it('performs objects and class instances, and one task at a time', async () => {
    class Resize {
      readonly name = 'resize'
      readonly factor = 2
      handle(payload: { width: number }): number {
        return payload.width * this.factor
      }
    }
    expect((await performJob(new Resize(), { width: 3 })).result).toBe(6)
    await expect(performJob({ a: () => 1, b: () => 2 })).rejects.toMatchObject({ code: 'KT_TASK_INVALID' })
  })
})

describe('fake', () => {
  it('remembers jobs, with every check, and runs nothing', async () => {
    const kong = fake({ tasks: [welcome] })
    await kong.addJob(welcome, { to: 'ada@example.org' }, { scheduledIn: '1h', tags: ['a', 'b'] })
    await kong.with({}).addJobs([{ task: welcome, payload: { to: 'bob@example.org' } }])
    kong.expectJob(welcome, { payload: { to: 'ada@example.org' }, scheduledIn: '1h', tags: ['b'] })
    kong.expectNoJob(welcome, { payload: { to: 'eve@example.org' } })
    expect(kong.added.map(({ inTransaction }) => inTransaction)).toEqual([false, true])
    await expect(kong.addJob('other')).rejects.toMatchObject({ code: 'KT_TASK_UNKNOWN' })
    kong.clear()
    expect(() => kong.expectJob(welcome)).toThrow(
      'There is no job of task "welcome". There are no jobs at all.',
    )
  })

  it('wants of a pattern what the task takes', async () => {
    const kong = fake()
    await kong.addJob(welcome, { to: 'ada@example.org' })
    // @ts-expect-error -- `to` is text
    expect(() => kong.expectJob(welcome, { payload: { to: 1 } })).toThrow(
      'payload.to: "ada@example.org", not 1',
    )
    // @ts-expect-error -- there is no such field
    expect(() => kong.expectJob(welcome, { payload: { cc: 'x' } })).toThrow('payload.cc: undefined, not "x"')
  })
})
