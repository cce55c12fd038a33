import {
  cancel,
  defineTask,
  fixed,
  handle,
  JobTimeoutError,
  PermanentError,
  RetryableError,
  snooze,
  type JobContext,
} from 'kongtask'
import { describe, expect, it } from 'vitest'
import { deferred } from '../support/wait.ts'
import { once, settled, useJourney } from './journey.ts'

const app = useJourney()

describe('a job that is added in a transaction', () => {
  it('is never seen when that is rolled back, and run when it is committed', async () => {
    const seen: unknown[] = []
    const runner = await app.run({ note: (payload) => void seen.push(payload) })
    const client = await app.database.pool.connect()
    try {
      await client.query('begin')
      await app.kong.with(client).addJob('note', 'rolled back')
      await client.query('rollback')
      await client.query('begin')
      await app.kong.with(client).addJob('note', 'committed')
      const done = settled(runner, 1)
      await client.query('commit')
      await done
    } finally {
      client.release()
    }
    // A further job that was added later: what was rolled back would have been run before it.
    const done = settled(runner, 1)
    await app.kong.addJob('note', 'last')
    await done
    expect(seen).toEqual(['committed', 'last'])
    expect(await app.states()).toEqual({ completed: 2 })
  })

  it('is not run before the commit', async () => {
    const ran = deferred()
    await app.run({ note: () => ran.resolve() })
    // Names are written once; whoever adds a name that is new waits for others who add it.
    await app.kong.addJob('unknown')
    const client = await app.database.pool.connect()
    let committed = false
    const order = ran.promise.then(() => committed)
    try {
      await client.query('begin')
      await app.kong.with(client).addJob('note')
      // The runner has claimed meanwhile and found nothing.
      const other = await app.run({ other: () => undefined })
      const done = settled(other, 1)
      await app.kong.addJob('other')
      await done
      committed = true
      await client.query('commit')
    } finally {
      client.release()
    }
    expect(await order).toBe(true)
  })
})

describe('a handler that throws', () => {
  it('is tried again after its backoff, and buried with the errors of every attempt', async () => {
    const attempts: number[] = []
    const failing = defineTask('fail', { maxAttempts: 3, backoff: fixed('20ms', { jitter: 0 }) })
    const runner = await app.run([
      handle(failing, (_, { job }) => {
        attempts.push(job.attempt)
        throw new RangeError(`no ${job.attempt}`, { cause: new Error('the disk is full') })
      }),
    ])
    const done = settled(runner, 3)
    const { id } = await app.kong.addJob(failing)
    expect((await done).map(({ settlement }) => settlement.kind)).toEqual(['retry', 'retry', 'dead'])
    expect(attempts).toEqual([1, 2, 3])
    const {
      jobs: [letter],
    } = await app.kong.deadLetters.list()
    expect(letter).toMatchObject({
      id,
      state: 'dead',
      attempt: 3,
      errors: [1, 2, 3].map((attempt) => ({
        attempt,
        at: expect.any(Date),
        name: 'RangeError',
        message: `no ${attempt}`,
        stack: expect.stringContaining('failing.test.ts'),
        cause: { name: 'Error', message: 'the disk is full' },
      })),
    })
    expect(letter?.errors[0]?.stack).not.toContain('executor')
    const [one, two, three] = (letter?.errors ?? []).map(({ at }) => at.getTime())
    expect(Number(two) - Number(one)).toBeGreaterThanOrEqual(20)
    expect(Number(three) - Number(two)).toBeGreaterThanOrEqual(20)
    expect(await app.states()).toEqual({ dead: 1 })
  })

  it('sees the errors of its earlier attempts', async () => {
    const errors: unknown[] = []
    const runner = await app.run([
      handle(defineTask('fail', { backoff: fixed(1) }), (_, { job }) => {
        errors.push(...job.errors.map(({ message }) => message))
        if (job.attempt < 2) throw new Error('first')
      }),
    ])
    const done = settled(runner, 2)
    await app.kong.addJob('fail')
    await done
    expect(errors).toEqual(['first'])
  })

  it('waits for as long as a RetryableError says', async () => {
    const runner = await app.run({
      wait: () => {
        throw new RetryableError('not now', { retryIn: '2h' })
      },
    })
    const done = settled(runner, 1)
    const { id } = await app.kong.addJob('wait')
    expect(await done).toMatchObject([{ settlement: { kind: 'retry', delay: 7_200_000 } }])
    expect(await app.job(id)).toMatchObject({ state: 'scheduled', attempt: 1 })
  })

  it.each([
    ['PermanentError', () => new PermanentError('hopeless')],
    ['the prefix PERMANENT:', () => new Error('PERMANENT: hopeless')],
    ['a PermanentError as cause', () => new Error('failed', { cause: new PermanentError('hopeless') })],
  ])('%s: is not tried again', async (_, error) => {
    const runner = await app.run({
      fail: () => {
        throw error()
      },
    })
    const done = settled(runner, 1)
    const { id } = await app.kong.addJob('fail')
    expect(await done).toMatchObject([{ settlement: { kind: 'dead', reason: 'permanent' } }])
    expect(await app.job(id)).toMatchObject({ state: 'dead', attempt: 1 })
  })

  it.each([
    ['nothing', undefined],
    ['text', 'oops'],
    ['null', null],
    ['an error whose message is no text', Object.assign(new Error('x'), { message: 42 })],
    ['an error with U+0000 and half a surrogate pair', new Error('a\u0000b\ud800')],
    [
      'an object that cannot be read',
      new Proxy(
        {},
        {
          get: () => {
            throw new Error('hidden')
          },
        },
      ),
    ],
    ['an error whose message cannot be read', unreadable()],
  ])('may throw %s: the attempt failed like any other, and work goes on', async (_, thrown) => {
    const runner = await app.run({
      fail: () => {
        throw thrown
      },
      reject: () => Promise.reject(thrown),
      fine: () => 'fine',
    })
    const done = settled(runner, 3)
    await app.kong.addJobs([{ task: 'fail' }, { task: 'reject' }, { task: 'fine' }])
    const kinds = (await done).map(({ job, settlement }) => `${job.task}: ${settlement.kind}`)
    expect(kinds.toSorted()).toEqual(['fail: retry', 'fine: completed', 'reject: retry'])
  })

  function unreadable(): Error {
    return Object.defineProperty(new Error('x'), 'message', {
      get: () => {
        throw new Error('hidden')
      },
    })
  }

  it.each([
    [
      'throws',
      () => {
        throw new Error('the policy is broken')
      },
    ],
    ['returns NaN', () => Number.NaN],
    ['returns less than nothing', () => -5],
    ['returns eternity', () => Infinity],
    ['returns more than any calendar has', () => 1e300],
  ])('and a backoff that %s: is tried again all the same, and work goes on', async (_, backoff) => {
    const runner = await app.run([
      handle(defineTask('fail', { backoff }), () => {
        throw new Error('no')
      }),
      { name: 'fine', handle: () => undefined },
    ])
    const failed = once(runner, 'job.settled', ({ job }) => job.task === 'fail')
    const { id } = await app.kong.addJob('fail')
    expect(await failed).toMatchObject({ settlement: { kind: 'retry', delay: expect.any(Number) } })
    const fine = once(runner, 'job.settled', ({ job }) => job.task === 'fine')
    await app.kong.addJob('fine')
    await fine
    expect(await app.job(id)).toMatchObject({ attempt: expect.any(Number), errors: [{ message: 'no' }] })
  })
})

describe('a timeout', () => {
  const slow = defineTask('slow', { timeout: '30ms', maxAttempts: 1 })

  it('aborts the signal and counts as failed, and a later return changes nothing', async () => {
    const reasons: unknown[] = []
    const runner = await app.run([
      handle(slow, async (_, { signal }) => {
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
        reasons.push(signal.reason)
        return 'too late'
      }),
    ])
    const done = settled(runner, 1)
    const { id } = await app.kong.addJob(slow)
    expect(await done).toMatchObject([{ settlement: { kind: 'dead', reason: 'attempts' } }])
    expect(reasons).toEqual([expect.any(JobTimeoutError)])
    expect(await app.job(id)).toMatchObject({
      state: 'dead',
      result: undefined,
      errors: [{ name: 'JobTimeoutError', code: 'KT_JOB_TIMEOUT' }],
    })
  })

  it('decides, whatever the handler throws about it', async () => {
    const runner = await app.run([
      handle(slow, async (_, { signal }) => {
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
        throw new PermanentError('I was interrupted')
      }),
    ])
    const done = settled(runner, 1)
    const { id } = await app.kong.addJob(slow, {}, { maxAttempts: 5 })
    expect(await done).toMatchObject([{ settlement: { kind: 'retry' } }])
    expect(await app.job(id)).toMatchObject({ errors: [{ name: 'JobTimeoutError' }] })
  })

  it('starts no other attempt while the handler still runs', async () => {
    const [started, gate] = [deferred<JobContext>(), deferred()]
    const runner = await app.run([
      handle(defineTask('slow', { timeout: '30ms', backoff: fixed(0) }), async (_, context) => {
        started.resolve(context)
        await gate.promise
      }),
    ])
    const { id } = await app.kong.addJob('slow')
    const { signal } = await started.promise
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
    expect(await app.job(id)).toMatchObject({ state: 'running', attempt: 1 })
    const done = settled(runner, 1)
    gate.resolve()
    expect(await done).toMatchObject([{ settlement: { kind: 'retry' } }])
  })

  it('of a job goes before that of its task', async () => {
    const runner = await app.run([
      handle(
        slow,
        (_, { signal }) =>
          new Promise((resolve) => {
            signal.addEventListener('abort', resolve)
            setImmediate(() => setImmediate(resolve))
          }),
      ),
    ])
    const done = settled(runner, 1)
    await app.kong.addJob(slow, {}, { timeout: '1h' })
    expect(await done).toMatchObject([{ settlement: { kind: 'completed' } }])
  })
})

describe('a handler may say', () => {
  it('that it wants to be run later: the attempt does not count', async () => {
    const attempts: number[] = []
    const runner = await app.run({
      wait: (_, { job }) => {
        attempts.push(job.attempt)
        return attempts.length < 3 ? snooze(5) : 'done'
      },
    })
    const done = settled(runner, 3)
    const { id } = await app.kong.addJob('wait', {}, { maxAttempts: 1 })
    expect((await done).map(({ settlement }) => settlement.kind)).toEqual(['snoozed', 'snoozed', 'completed'])
    expect(attempts).toEqual([1, 1, 1])
    expect(await app.job(id)).toMatchObject({ state: 'completed', attempt: 1, result: 'done', errors: [] })
  })

  it('that the job has lost its point', async () => {
    const runner = await app.run({ drop: () => cancel('the user is gone') })
    const done = settled(runner, 1)
    const { id } = await app.kong.addJob('drop')
    expect(await done).toMatchObject([{ settlement: { kind: 'cancelled', reason: 'the user is gone' } }])
    expect(await app.job(id)).toMatchObject({ state: 'cancelled' })
  })
})

describe('a result', () => {
  it('is kept', async () => {
    const runner = await app.run({ sum: () => ({ total: 3, of: [1, 2] }), none: () => undefined })
    const done = settled(runner, 2)
    const [sum, none] = await app.kong.addJobs([{ task: 'sum' }, { task: 'none' }])
    await done
    expect(await app.job(sum?.id ?? '')).toMatchObject({
      state: 'completed',
      result: { total: 3, of: [1, 2] },
    })
    expect(await app.job(none?.id ?? '')).toMatchObject({ state: 'completed', result: undefined })
  })

  it('that is no JSON is dropped with a word, and the job is completed', async () => {
    const runner = await app.run({ bad: () => ({ at: 10n }) })
    const [done, dropped] = [settled(runner, 1), once(runner, 'job.result_dropped')]
    const { id } = await app.kong.addJob('bad')
    await done
    expect(await dropped).toMatchObject({ job: { id }, why: expect.stringContaining('BigInt') })
    expect(await app.job(id)).toMatchObject({ state: 'completed', result: undefined })
  })
})
