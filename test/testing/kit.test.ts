import { defineTask, handle, KongTaskError, RetryableError, type JobContext } from 'kongtask'
import { createTestKongTask, type TestKongTask } from 'kongtask/testing'
import { afterAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { z } from 'zod'
import { silent } from '../journeys/journey-logger.ts'

const sendEmail = defineTask('send_email', {
  payload: z.object({
    to: z.string(),
    subject: z.string(),
    retries: z.object({ by: z.string() }).optional(),
  }),
  queue: 'email',
  maxAttempts: 3,
})

/** What handlers do in a test; each test says what that is. */
type Work = (payload: unknown, context: JobContext) => unknown

async function rejection(work: Promise<unknown>): Promise<KongTaskError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (error instanceof KongTaskError) return error
  throw new Error(`it should have been refused, and came to ${String(error)}`)
}

describe.each(['PGlite', 'a server'])('the test kit on %s', (where) => {
  let kong: TestKongTask | undefined
  let work: Work = () => undefined
  const effects: unknown[] = []

  async function kit(): Promise<TestKongTask> {
    if (kong !== undefined) return kong
    kong = await createTestKongTask({
      tasks: [
        handle(sendEmail, (payload, context) => work(payload, context)),
        { name: 'work', handle: (payload, context) => work(payload, context) },
        { name: 'other', handle: () => effects.push('other') },
      ],
      connectionString: where === 'PGlite' ? undefined : inject('adminConnectionString'),
      logger: silent,
    })
    return kong
  }

  beforeEach(async () => {
    effects.length = 0
    work = (payload) => effects.push(payload)
    await kong?.reset()
  })
  afterAll(() => kong?.close())

  it('runs what was added, and what that adds, in that order', async () => {
    const app = await kit()
    work = async (payload, { addJob }) => {
      effects.push(payload)
      await addJob('other')
    }
    await app.addJob('work', 1)
    await app.addJob('work', 2)
    const drained = await app.drain()
    expect(effects).toEqual([1, 2, 'other', 'other'])
    expect(drained).toMatchObject({ completed: 4, failures: [] })
  })

  it('finds a job by its task and part of its payload', async () => {
    const app = await kit()
    const now = app.clock.now().getTime()
    await app.addJob(sendEmail, { to: 'ada@example.org', subject: 'Hello' }, { scheduledIn: '3d' })
    const job = await app.expectJob(sendEmail, {
      payload: { to: 'ada@example.org' },
      queue: 'email',
      scheduledIn: '3d',
      scheduledAt: new Date(now + 3 * 86_400_000),
    })
    expect(job).toMatchObject({ state: 'scheduled', payload: { subject: 'Hello' } })
    await app.expectNoJob(sendEmail, { payload: { to: 'bob@example.org' } })
  })

  it('says what was there instead', async () => {
    const app = await kit()
    expect((await rejection(app.expectJob(sendEmail))).message).toBe(
      'There is no job of task "send_email". There are no jobs at all.',
    )
    await app.addJob('other')
    await app.addJob(sendEmail, { to: 'ada@example.org', subject: 'Hello' }, { queue: 'slow' })
    const error = await rejection(
      app.expectJob(sendEmail, { payload: { to: 'bob@example.org' }, queue: 'email' }),
    )
    expect(error.code).toBe('KT_TEST_EXPECTATION')
    expect(error.message).toContain('No job of task "send_email" is as expected. There are 1')
    expect(error.message).toContain('payload.to: "ada@example.org", not "bob@example.org"')
    expect(error.message).toContain('queue: "slow", not "email"')
    expect((await rejection(app.expectJob('send_emial'))).message).toContain('send_email')
    expect((await rejection(app.expectNoJob('other'))).message).toContain('that should not be there')
  })

  it('collects the failures of handlers, and shows them where a job is not as expected', async () => {
    const app = await kit()
    work = () => {
      throw new TypeError('the mailer is undefined')
    }
    const { id } = await app.addJob('work')
    const { failures, completed } = await app.drain()
    expect(completed).toBe(0)
    expect(failures).toMatchObject([
      { job: { id, task: 'work', attempt: 1 }, error: { message: 'the mailer is undefined' }, isDead: false },
    ])
    const error = await rejection(app.expectJob('work', { state: 'completed' }))
    expect(error.message).toContain('TypeError: the mailer is undefined')
  })

  it('runs a retry after three days without waiting for them', async () => {
    const app = await kit()
    work = (_, { job }) => {
      effects.push([job.attempt, new Date().getTime(), Date.now()])
      if (job.attempt === 1) throw new RetryableError('later', { retryIn: '3d' })
    }
    const { id } = await app.addJob('work')
    const before = Date.now()
    await app.drain()
    await app.clock.advance('2d')
    await app.drain()
    expect(effects).toHaveLength(1)
    await app.clock.advance('1d')
    await app.drain()
    expect(await app.jobs.get(id)).toMatchObject({ state: 'completed', attempt: 2 })
    const [, second] = effects
    expect(second).toEqual([2, expect.any(Number), expect.any(Number)])
    for (const time of Array.isArray(second) ? second.slice(1) : []) {
      expect(Number(time) - before).toBeGreaterThanOrEqual(3 * 86_400_000)
    }
    expect(Date.now() - before).toBeGreaterThanOrEqual(3 * 86_400_000)
    expect(new Date(0).getTime()).toBe(0)
    expect(new Date()).toBeInstanceOf(Date)
  })

  it('lets a window of uniqueness pass', async () => {
    const app = await kit()
    const add = async (): Promise<string> =>
      (await app.addJob('work', {}, { uniqueKey: 'k', uniqueFor: '1d' })).status
    expect(await add()).toBe('added')
    await app.drain()
    expect(await add()).toBe('skipped')
    await app.clock.advance('1d')
    expect(await add()).toBe('added')
  })

  it('moves time until something has come about', async () => {
    const app = await kit()
    work = () => {
      throw new Error('never')
    }
    const { id } = await app.addJob(
      sendEmail,
      { to: 'ada@example.org', subject: 'Hello' },
      { scheduledIn: '1d' },
    )
    const start = app.clock.now()
    const { failures } = await app.drain({ until: { job: id, state: 'dead' } })
    expect(failures.map(({ job, isDead }) => [job.attempt, isDead])).toEqual([
      [1, false],
      [2, false],
      [3, true],
    ])
    expect(app.clock.now().getTime() - start.getTime()).toBeGreaterThanOrEqual(86_400_000)
  })

  it('runs what falls due while it looks for what comes next', async () => {
    const app = await kit()
    await app.addJob('work', {}, { scheduledIn: '1h' })
    let looks = 0
    const { completed } = await app.drain({
      until: async () => {
        looks += 1
        if (looks === 1) await app.clock.advance('1h')
        return effects.length === 1
      },
    })
    expect([looks, completed]).toEqual([2, 1])
  })

  it('says what is left where that never comes about', async () => {
    const app = await kit()
    await app.addJob('nobody_knows_it', {}, { scheduledIn: '1h' })
    await app.addJob('work', {})
    const error = await rejection(app.drain({ until: () => effects.length === 2 }))
    expect(error.code).toBe('KT_TEST_DRAIN')
    expect(error.message).toContain('1 attempts were made')
    expect(error.message).toContain('nobody_knows_it')
  })

  it('names jobs that do not end, and goes on with another worker', async () => {
    const app = await kit()
    work = (_, { signal }) =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('told'))))
    const { id } = await app.addJob('work', {})
    const error = await rejection(app.drain({ timeout: '200ms' }))
    expect(error.message).toContain(`work ${id}, attempt 1`)
    work = (payload) => effects.push(payload)
    await app.drain()
    expect(effects).toEqual([{}])
  })

  it('stops where jobs add jobs for ever', async () => {
    const app = await kit()
    work = (_, { addJob }) => addJob('work', {})
    await app.addJob('work', {})
    const error = await rejection(app.drain({ most: 20 }))
    expect(error.message).toContain('20 attempts were made')
    expect(error.message).toContain('20 × work')
  })

  it('runs as many attempts as it may', async () => {
    const app = await kit()
    await app.addJobs([{ task: 'work' }, { task: 'work' }])
    expect(await app.drain({ most: 2 })).toMatchObject({ completed: 2 })
  })

  it('leaves behind a handler that ignores its signal', async () => {
    const app = await createTestKongTask({
      tasks: { deaf: () => new Promise(() => undefined) },
      connectionString: where === 'PGlite' ? undefined : inject('adminConnectionString'),
      logger: silent,
    })
    const { id } = await app.addJob('deaf')
    expect((await rejection(app.drain({ timeout: '50ms' }))).message).toContain(`deaf ${id}, attempt 1`)
    // Whoever waits for it as the worker usually does waits for five seconds.
    let timer: NodeJS.Timeout | undefined
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, 4_500, 'still waiting')
    })
    expect(await Promise.race([app.close().then(() => 'closed'), late])).toBe('closed')
    clearTimeout(timer)
  })

  it('remembers what is added to a fake, and runs nothing', async () => {
    const app = await kit()
    {
      using fake = app.fake()
      await app.addJob(sendEmail, { to: 'ada@example.org', subject: 'Hello' })
      await app.with(await app.pool.connect().then((tx) => (tx.release(), tx))).addJob('other')
      fake.expectJob(sendEmail, { payload: { subject: 'Hello' } })
      expect(fake.added).toMatchObject([
        { task: 'send_email', queue: 'email', inTransaction: false },
        { task: 'other', inTransaction: true },
      ])
      // @ts-expect-error -- a payload that does not fit
      await expect(app.addJob(sendEmail, { to: 1 })).rejects.toThrow(
        /KT_PAYLOAD_INVALID|does not fit|payload/i,
      )
    }
    expect((await app.drain()).jobs).toEqual([])
    await app.addJob('other')
    await app.expectJob('other')
  })

  it('gives handlers a database for tables of their own', async () => {
    const app = await kit()
    await app.pool.query('create temporary table if not exists nothing (n int)')
    work = async (_, context) => {
      await context.withTransaction(async (tx) => {
        const { rows } = await tx.query<{ one: number }>('select 1 as one')
        effects.push(rows)
        await context.with(tx).addJob('other')
      })
    }
    await app.addJob('work')
    await app.drain()
    expect(effects).toEqual([[{ one: 1 }], 'other'])
  })

  it('forgets everything at a reset', async () => {
    const app = await kit()
    await app.addJob('work', {}, { scheduledIn: '1h' })
    await app.queues.pause('email')
    await app.clock.advance('1d')
    await app.reset()
    expect(await app.jobs.list()).toMatchObject({ jobs: [] })
    expect((await app.queues.list()).filter(({ pausedAt }) => pausedAt !== undefined)).toEqual([])
    await app.addJob('work', {}, { scheduledIn: '1h' })
    expect((await app.drain()).jobs).toEqual([])
  })
})
