import type { StandardSchemaV1 } from '@standard-schema/spec'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { JobTimeoutError, LeaseLostError, ShutdownError } from '../core/errors.ts'
import { PermanentError, RetryableError } from '../core/handler-errors.ts'
import type { JobContext } from '../core/job-context.ts'
import type { TaskEntry } from '../core/task-list.ts'
import { cancel, snooze } from '../core/verdict.ts'
import { PLAIN_WORK } from '../store/rows.ts'
import { execute, type Executed, type Execution } from './executor.ts'
import { LazyJobContext, type ContextServices } from './job-context.ts'
import { RunningJob } from './running-job.ts'
import { claimedJob } from '../../test/support/claimed-job.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const refuse = (): never => {
  throw new Error('no handler here looks at this')
}

const services: ContextServices = {
  logger: { debug: refuse, info: refuse, warn: refuse, error: refuse },
  pool: { query: refuse, connect: refuse },
  adder: refuse,
  queueName: (queue) => `queue ${queue}`,
  onTransaction: refuse,
  verbs: refuse,
  onProgress: refuse,
}

type Handle = (payload: unknown, context: JobContext) => unknown

interface Situation {
  readonly running?: RunningJob
  readonly payload?: string
  readonly schema?: StandardSchemaV1
  readonly timeout?: number
}

function executing(handle: Handle, situation: Situation = {}): Executed | Promise<Executed> {
  const {
    payload = '{}',
    schema,
    timeout,
    running = new RunningJob(claimedJob('1', { payload })),
  } = situation
  const task: TaskEntry = { name: 'work', defaults: {}, hasContract: false, schema, raw: false, handle }
  const context: Execution['context'] = (job, { name }, output) =>
    new LazyJobContext(job, name, output, services)
  return execute({ running, task, facts: PLAIN_WORK, timeout, context })
}

/** How it ended once `ms` milliseconds have passed; undefined while it has not. */
async function endedAfter(ms: number, executed: Executed | Promise<Executed>): Promise<Executed | undefined> {
  let end: Executed | undefined
  void Promise.resolve(executed).then((value) => (end = value))
  await vi.advanceTimersByTimeAsync(ms)
  return end
}

function validator(validate: StandardSchemaV1['~standard']['validate']): StandardSchemaV1 {
  return { '~standard': { version: 1, vendor: 'test', validate } }
}

const completed = { kind: 'completed', result: 'done' }
const failedAs = (name: string): object => ({ kind: 'failed', error: expect.objectContaining({ name }) })
const timedOut = {
  ...failedAs('JobTimeoutError'),
  permanent: false,
  thrown: expect.objectContaining({ code: 'KT_JOB_TIMEOUT' }),
}
const interrupted = { kind: 'interrupted' }

const aborts: Readonly<Record<string, Error | undefined>> = {
  nothing: undefined,
  timeout: new JobTimeoutError('KT_JOB_TIMEOUT', 'late'),
  shutdown: new ShutdownError('KT_SHUTDOWN', 'we stop'),
  'lease lost': new LeaseLostError('KT_LEASE_LOST', 'gone'),
}

interface Ending {
  readonly how: string
  readonly end: () => unknown
  readonly outcome: object
  /** What is left of it when the process stops or the lease is lost. */
  readonly afterAbort: object
}

const endings: readonly Ending[] = [
  { how: 'returns', end: () => 'done', outcome: completed, afterAbort: completed },
  {
    how: 'returns nothing',
    end: () => undefined,
    outcome: { kind: 'completed', result: undefined },
    afterAbort: { kind: 'completed', result: undefined },
  },
  {
    how: 'returns what is no JSON',
    end: () => 1n,
    outcome: { kind: 'completed', result: undefined },
    afterAbort: { kind: 'completed', result: undefined },
  },
  {
    how: 'snoozes',
    end: () => snooze(50),
    outcome: { kind: 'snoozed', delay: 50 },
    afterAbort: { kind: 'snoozed', delay: 50 },
  },
  {
    how: 'cancels',
    end: () => cancel('sold out'),
    outcome: { kind: 'cancelled', reason: 'sold out' },
    afterAbort: { kind: 'cancelled', reason: 'sold out' },
  },
  {
    how: 'throws',
    end: () => {
      throw new RangeError('no')
    },
    outcome: { ...failedAs('RangeError'), permanent: false },
    afterAbort: interrupted,
  },
  {
    how: 'throws for good',
    end: () => {
      throw new PermanentError('no')
    },
    outcome: { ...failedAs('PermanentError'), permanent: true },
    afterAbort: interrupted,
  },
  {
    how: 'asks for a retry',
    end: () => {
      throw new RetryableError('no', { retryIn: 7 })
    },
    outcome: { ...failedAs('RetryableError'), permanent: false, retryIn: 7 },
    afterAbort: interrupted,
  },
]

const table = endings.flatMap((ending) =>
  Object.entries(aborts).map(([abort, reason]) => ({
    ...ending,
    abort,
    reason,
    expected: reason === undefined ? ending.outcome : abort === 'timeout' ? timedOut : ending.afterAbort,
  })),
)

describe('a handler', () => {
  it.each(table)('that $how after the abort: $abort', async ({ end, reason, expected }) => {
    const outcomes = await Promise.all(
      [
        // Without a promise, after one, and after what only looks like one.
        (running: RunningJob): unknown => {
          if (reason !== undefined) running.abort(reason)
          return end()
        },
        async (running: RunningJob): Promise<unknown> => {
          await Promise.resolve()
          if (reason !== undefined) running.abort(reason)
          return end()
        },
        (running: RunningJob): unknown =>
          lookAlike(() => {
            if (reason !== undefined) running.abort(reason)
            return end()
          }),
      ].map(async (handle) => {
        const running = new RunningJob(claimedJob('1'))
        const executed = await executing(() => handle(running), { running })
        return executed.outcome
      }),
    )
    expect(outcomes).toEqual(
      [expected, expected, expected].map((outcome) => expect.objectContaining(outcome)),
    )
    expect(vi.getTimerCount()).toBe(0)
  })

  it.each(table.filter(({ reason }) => reason !== undefined))(
    'that $how before the abort ($abort) is not undone by it',
    async ({ end, reason = new Error('never'), outcome }) => {
      const running = new RunningJob(claimedJob('1'))
      const executed = await executing(end, { running })
      running.abort(reason)
      expect(executed.outcome).toMatchObject(outcome)
    },
  )

  it('that returns no promise has ended when it returns', () => {
    expect(executing(() => 'done')).toEqual({ outcome: completed })
    expect(executing(refuse)).toMatchObject({ outcome: { kind: 'failed' } })
  })

  it('whose result is no JSON is told why, unless it came too late', async () => {
    expect(await executing(async () => ({ n: 1n }))).toEqual({
      outcome: { kind: 'completed', result: undefined },
      flaw: 'the value at n is a BigInt',
    })
    const late = executing(() => new Promise((resolve) => setTimeout(() => resolve(1n), 2_000)), {
      timeout: 1_000,
    })
    const executed = await endedAfter(2_000, late)
    expect(executed?.outcome).toMatchObject(timedOut)
    expect(executed).not.toHaveProperty('flaw')
  })

  it('gets the parsed payload, its job and its signal', async () => {
    const running = new RunningJob(claimedJob('77', { payload: '{"to":["ada"]}', queueId: 4, attempt: 3 }))
    const seen = vi.fn<Handle>((payload, { job, signal, rawPayload }) => {
      expect(payload).toEqual({ to: ['ada'] })
      expect(job).toMatchObject({ id: '77', task: 'work', queue: 'queue 4', attempt: 3, state: 'running' })
      expect(job.payload).toBe(payload)
      expect(signal).toBe(running.signal)
      expect(rawPayload).toBe('{"to":["ada"]}')
    })
    expect(await executing(seen, { running })).toEqual({ outcome: { kind: 'completed', result: undefined } })
    expect(seen).toHaveBeenCalledTimes(1)
  })

  it.each<readonly [string, () => unknown]>([
    // oxlint-disable-next-line unicorn/no-thenable -- that is the point
    ['whose `then` throws', () => ({ then: refuse })],
    // oxlint-disable-next-line unicorn/no-thenable -- that is the point
    ['that throws when asked for `then`', () => Object.defineProperty({}, 'then', { get: refuse })],
    ['that has been revoked', revoked],
  ])('may return something %s without taking the slot with it', async (_, end) => {
    const executed = await endedAfter(0, executing(end))
    expect(executed?.outcome).toMatchObject({ kind: 'failed', permanent: false })
    expect(vi.getTimerCount()).toBe(0)
  })

  it('may throw what nobody can read', async () => {
    for (const thrown of [revoked(), Object.assign(new Error('x'), { message: 1 }), undefined]) {
      const executed = await endedAfter(
        0,
        executing(() => Promise.reject(thrown)),
      )
      expect(executed?.outcome).toMatchObject({ kind: 'failed', permanent: false })
    }
  })
})

describe('a timeout', () => {
  it('aborts the signal with a JobTimeoutError, and the attempt has failed however it ends', async () => {
    let heard: unknown
    const handle: Handle = (_, { signal }) =>
      new Promise((resolve) =>
        signal.addEventListener('abort', () => {
          heard = signal.reason
          resolve('saved what I had')
        }),
      )
    const executed = executing(handle, { timeout: 5_000 })
    expect(await endedAfter(4_999, executed)).toBeUndefined()
    expect(await endedAfter(1, executed)).toEqual({ outcome: timedOut })
    expect(heard).toBeInstanceOf(JobTimeoutError)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('is forgotten when the handler ends in time', async () => {
    expect(await executing(async () => 'done', { timeout: 5_000 })).toEqual({ outcome: completed })
    expect(executing(() => 'done', { timeout: 5_000 })).toEqual({ outcome: completed })
    expect(executing(refuse, { timeout: 5_000 })).toMatchObject({ outcome: { kind: 'failed' } })
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('a handler that ignores its signal', () => {
  it('is left behind 30 s after its timeout: a failure, and stuck', async () => {
    const executed = executing(() => new Promise(() => undefined), { timeout: 1_000 })
    expect(await endedAfter(30_999, executed)).toBeUndefined()
    expect(await endedAfter(1, executed)).toEqual({ outcome: timedOut, stuck: true })
  })

  it.each(['shutdown', 'lease lost'])(
    'is left behind after the patience of a %s: given back, and stuck',
    async (abort) => {
      const running = new RunningJob(claimedJob('1'))
      const executed = executing(() => new Promise(() => undefined), { running })
      running.abort(aborts[abort] ?? new Error('never'), 100)
      expect(await endedAfter(99, executed)).toBeUndefined()
      expect(await endedAfter(1, executed)).toEqual({ outcome: interrupted, stuck: true })
    },
  )

  it.each<readonly [string, (resolve: (value: unknown) => void, reject: (error: unknown) => void) => void]>([
    ['returns', (resolve) => resolve('done')],
    ['throws', (_, reject) => reject(new Error('no'))],
  ])('changes nothing when it %s afterwards', async (_, end) => {
    const running = new RunningJob(claimedJob('1'))
    let later = (): void => undefined
    const work = new Promise((resolve, reject) => {
      later = () => end(resolve, reject)
    })
    const executed = executing(() => work, { running })
    running.abort(new ShutdownError('KT_SHUTDOWN', 'we stop'), 100)
    const left = await endedAfter(100, executed)
    later()
    await vi.advanceTimersByTimeAsync(0)
    expect(await executed).toBe(left)
    expect(left).toEqual({ outcome: interrupted, stuck: true })
  })
})

describe('a payload', () => {
  const handle = vi.fn<Handle>(() => 'done')
  beforeEach(() => void handle.mockClear())

  it('is what the schema makes of it, whether it answers at once or later', async () => {
    const output = { value: { at: 5 } }
    expect(executing(handle, { schema: validator(() => output) })).toEqual({ outcome: completed })
    expect(await executing(handle, { schema: validator(() => Promise.resolve(output)) })).toEqual({
      outcome: completed,
    })
    expect(handle.mock.calls.map(([payload]) => payload)).toEqual([{ at: 5 }, { at: 5 }])
  })

  const issues = { issues: [{ message: 'must be a number', path: ['n'] }] }
  const broken = new TypeError('broken validator')

  it.each<readonly [string, StandardSchemaV1, string]>([
    ['does not fit', validator(() => issues), 'n: must be a number'],
    ['does not fit, said later', validator(() => Promise.resolve(issues)), 'n: must be a number'],
    [
      'makes the schema throw',
      validator(() => {
        throw broken
      }),
      'The schema threw',
    ],
    ['makes the schema reject', validator(() => Promise.reject(broken)), 'The schema threw'],
  ])('that %s is a failure for good, and the handler is not called', async (_, schema, message) => {
    const { outcome } = await executing(handle, { schema, timeout: 1_000 })
    expect(outcome).toMatchObject({
      kind: 'failed',
      permanent: true,
      error: { name: 'PermanentError', message: expect.stringContaining(message) },
    })
    expect(handle).not.toHaveBeenCalled()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('that made the schema throw is told with what it threw', async () => {
    const { outcome } = await executing(handle, { schema: validator(() => Promise.reject(broken)) })
    expect(outcome).toMatchObject({ error: { cause: { name: 'TypeError', message: 'broken validator' } } })
  })

  it.each(Object.entries({ shutdown: interrupted, 'lease lost': interrupted, timeout: timedOut }))(
    'that is still being validated at a %s starts no handler any more',
    async (abort, outcome) => {
      const running = new RunningJob(claimedJob('1'))
      let valid = (): void => undefined
      const validation = new Promise<{ value: unknown }>((resolve) => {
        valid = () => resolve({ value: 1 })
      })
      const executed = executing(handle, { running, schema: validator(() => validation) })
      running.abort(aborts[abort] ?? new Error('never'))
      valid()
      expect(await endedAfter(0, executed)).toEqual({ outcome })
      expect(handle).not.toHaveBeenCalled()
      expect(vi.getTimerCount()).toBe(0)
    },
  )

  it('whose validation never ends is left behind like a handler', async () => {
    const schema = validator(() => new Promise(() => undefined))
    const executed = executing(handle, { schema, timeout: 1_000 })
    expect(await endedAfter(30_999, executed)).toBeUndefined()
    expect(await endedAfter(1, executed)).toEqual({ outcome: timedOut, stuck: true })
  })

  it('that was validated at last leaves the handler its own patience', async () => {
    const schema = validator(() => Promise.resolve({ value: 1 }))
    const executed = executing(() => new Promise(() => undefined), { schema, timeout: 1_000 })
    expect(await endedAfter(31_000, executed)).toEqual({ outcome: timedOut, stuck: true })
  })
})

function revoked(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

/** What query builders return: no Promise, but something to wait for. */
function lookAlike(end: () => unknown): unknown {
  return {
    // oxlint-disable-next-line unicorn/no-thenable -- that is the point
    then: (onValue: (value: unknown) => void, onError: (error: unknown) => void) => {
      try {
        onValue(end())
      } catch (error) {
        onError(error)
      }
    },
  }
}
