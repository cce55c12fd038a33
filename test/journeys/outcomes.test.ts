// Every outcome in every situation, as docs/outcomes.md has them: the page's table is what is expected here.
import { readFileSync } from 'node:fs'
import {
  cancel,
  defineTask,
  fixed,
  handle,
  JobCancelledError,
  JobTimeoutError,
  LeaseLostError,
  PermanentError,
  RetryableError,
  ShutdownError,
  snooze,
  type Runner,
} from 'kongtask'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { root } from '../docs/snippets.ts'
import { deferred } from '../support/wait.ts'
import { once, settled, useJourney } from './journey.ts'

const app = useJourney()

const SOME_DAY = '2040-05-06T07:08:09.000Z'
const THE_OPERATORS = 'not needed any more'
const THE_HANDLERS = 'sold out'

interface Ending {
  /** What the handler does once it is told to go on. */
  readonly end: (signal: AbortSignal) => unknown
  /** Its time is over when everything else has happened. */
  readonly timesOut?: true
  /** Does not wait for being told. */
  readonly isDeaf?: true
  readonly stops?: true
}

const endings: Readonly<Record<string, Ending>> = {
  'returns nothing': { end: () => undefined },
  'returns a result': { end: () => ({ sent: 1 }) },
  "returns `snooze('10m')`": { end: () => snooze('10m') },
  'returns `cancel(reason)`': { end: () => cancel(THE_HANDLERS) },
  throws: throwing(() => new RangeError('no answer')),
  'throws a `PermanentError`': throwing(() => new PermanentError('no such user')),
  'throws `PERMANENT: …`': throwing(() => new Error('PERMANENT: no such user')),
  'throws `RETRYABLE: …`': throwing(() => new Error('RETRYABLE: busy')),
  'throws `RetryableError`, `retryIn`': throwing(() => new RetryableError('busy', { retryIn: '2h' })),
  'throws `RetryableError`, `retryAt`': throwing(() => new RetryableError('busy', { retryAt: SOME_DAY })),
  'runs into its `timeout`': { end: throwWhenAborted, timesOut: true },
  'ignores its signal (`job.stuck`)': {
    end: () => new Promise(() => undefined),
    timesOut: true,
    isDeaf: true,
  },
  'is interrupted by a shutdown, throws': { end: throwWhenAborted, stops: true },
}

function throwing(error: () => Error): Ending {
  return {
    end: () => {
      throw error()
    },
  }
}

async function throwWhenAborted(signal: AbortSignal): Promise<never> {
  await aborted(signal)
  throw signal.reason
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve))
}

interface Situation {
  readonly column: string
  readonly attempt: number
  readonly meanwhile: (id: string) => Promise<unknown>
  /** The signal aborts before the handler goes on. */
  readonly isHeard: boolean
}

const nothing = (): Promise<void> => Promise.resolve()

/** Milliseconds that nothing else here takes. Such a timer goes off when the test says so. */
const TIMEOUT = 3_456_789
let timeIsOver = deferred()
beforeEach(() => {
  timeIsOver = deferred()
  const start = globalThis.setTimeout
  vi.spyOn(globalThis, 'setTimeout').mockImplementation((fire, ms, ...args) => {
    if (ms === TIMEOUT) void timeIsOver.promise.then(() => fire(...args))
    return start(fire, ms, ...args)
  })
})
afterEach(() => void vi.restoreAllMocks())

const situations: readonly Situation[] = [
  { column: 'first attempt', attempt: 1, meanwhile: nothing, isHeard: false },
  { column: 'last attempt', attempt: 3, meanwhile: nothing, isHeard: false },
  { column: 'cancelled meanwhile', attempt: 1, meanwhile: cancelRunning, isHeard: false },
  { column: 'cancelled meanwhile', attempt: 3, meanwhile: cancelRunning, isHeard: false },
  { column: 'cancelled meanwhile', attempt: 1, meanwhile: cancelAndTell, isHeard: true },
  { column: 'lease lost meanwhile', attempt: 3, meanwhile: giveToAnother, isHeard: false },
  { column: 'lease lost meanwhile', attempt: 1, meanwhile: giveToAnotherAndTell, isHeard: true },
]

async function cancelRunning(id: string): Promise<void> {
  await app.query(
    `update kongtask.jobs set extras = coalesce(extras, '{}') || jsonb_build_object('cancelled', $2::text)
      where id = $1 and worker <> 0`,
    [id, THE_OPERATORS],
  )
}

async function cancelAndTell(id: string): Promise<void> {
  await cancelRunning(id)
  await app.query(
    `select kongtask.tell_worker(worker, jsonb_build_object('kind', 'cancel', 'job', id::text, 'reason', $2::text))
       from kongtask.jobs where id = $1`,
    [id, THE_OPERATORS],
  )
}

/** Another process declares ours dead and takes the job, before ours can hear of it. Answers who we were. */
async function giveToAnother(): Promise<number> {
  const client = await app.database.pool.connect()
  try {
    await client.query('begin')
    // A rescue passes by a worker that is claiming at this moment.
    await client.query('select from kongtask.workers for update')
    const { rows: us } = await client.query<{ id: number }>(
      `update kongtask.workers set expires_at = clock_timestamp() - interval '1 s' returning id`,
    )
    await client.query('select kongtask.rescue_workers()')
    const { rows: claimed } = await client.query(
      `select from kongtask.register_worker(3600000, '{}', null) as r, kongtask.claim_jobs(
         r.worker, r.nonce, 1, null, null, 10, array(select t.id from kongtask.tasks t), null, true, false, null, null, null, null, null, null) as c
        where c.jobs is not null`,
    )
    await client.query('commit')
    expect(claimed).toHaveLength(1)
    return us[0]?.id ?? 0
  } catch (error) {
    await client.query('rollback')
    throw error
  } finally {
    client.release()
  }
}

async function giveToAnotherAndTell(): Promise<void> {
  const us = await giveToAnother()
  await app.query(`select pg_notify('kongtask:worker', $1)`, [String(us)])
}

/** Plays one cell, and says in the words of the page what became of the job. */
async function play(ending: Ending, { column, attempt, meanwhile, isHeard }: Situation): Promise<string> {
  const [started, gate] = [deferred<AbortSignal>(), deferred()]
  const task = defineTask('work', {
    maxAttempts: 3,
    backoff: fixed('1h', { jitter: 0 }),
    // What is told to end needs no timeout for it.
    timeout: ending.timesOut === true && !isHeard ? TIMEOUT : undefined,
  })
  const work = handle(task, async (_, { signal }) => {
    started.resolve(signal)
    if (ending.isDeaf === undefined) await gate.promise
    return ending.end(signal)
  })
  const { id } = await app.kong.addJob(task, {})
  await app.query('update kongtask.jobs set attempt = $1', [attempt - 1])
  const grace = ending.stops === true ? { gracePeriod: 0 } : {}
  const runner = await app.run([work], { stuckAfter: 40, ...grace })
  const stuck = ending.isDeaf === undefined ? undefined : once(runner, 'job.stuck')
  const isOver = once(runner, 'job.settled')
  const signal = await started.promise
  await meanwhile(id)
  if (isHeard) await aborted(signal)
  const isOurs = column !== 'lease lost meanwhile'
  const stopped = ending.stops === true || !isOurs ? runner.stop() : undefined
  gate.resolve()
  timeIsOver.resolve()
  await stuck
  await (stopped ?? isOver)
  return inWords(id, attempt)
}

async function inWords(id: string, attempt: number): Promise<string> {
  const job = await app.job(id)
  const used = job.attempt === attempt ? 'attempt used' : 'attempt given back'
  switch (job.state) {
    case 'completed':
      return job.result === undefined ? 'completed' : 'completed with it'
    case 'dead':
    case 'cancelled':
      return reasonOf(id)
    case 'scheduled':
      expect(job.snoozes).toBe(used === 'attempt used' ? 0 : 1)
      expect(job.errors).toHaveLength(used === 'attempt used' ? 1 : 0)
      return `scheduled ${when(job.scheduledAt)}, ${used}`
    case 'ready':
      expect(job.errors).toEqual([])
      return `ready, ${used}`
    case 'running': {
      const [{ claim, errors } = {}] = await app.query('select claim, errors from kongtask.jobs')
      expect([claim, errors, await app.query('select from kongtask.history')]).toEqual([1, null, []])
      return 'untouched'
    }
    default:
      return job.state satisfies never
  }
}

async function reasonOf(id: string): Promise<string> {
  const [row] = await app.query(
    `select reason from kongtask.dead_letters where id = $1
     union all select reason from kongtask.history where id = $1`,
    [id],
  )
  const words: Record<string, string> = {
    attempts: 'dead, attempts used up',
    permanent: 'dead, permanent',
    [THE_HANDLERS]: "cancelled, the handler's words",
    [THE_OPERATORS]: "cancelled, the operator's words",
  }
  return words[String(row?.['reason'])] ?? String(row?.['reason'])
}

function when(scheduledAt: Date): string {
  if (scheduledAt.toISOString() === SOME_DAY) return 'at that time'
  const minutes = Math.round((scheduledAt.getTime() - Date.now()) / 60_000)
  return { 10: 'in 10 min', 60: 'after the backoff', 120: 'in 2 h' }[minutes] ?? `in ${minutes} minutes`
}

/** The first table of the page: by row and column. */
function promised(): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const page = readFileSync(`${root}docs/outcomes.md`, 'utf8')
  const [head = [], , ...rows] =
    page
      .slice(page.indexOf('| the handler'))
      .split('\n\n')[0]
      ?.split('\n')
      .map((line) =>
        line
          .split('|')
          .map((cell) => cell.trim())
          .slice(1, -1),
      ) ?? []
  return new Map(
    rows.map(([name = '', ...cells]) => [name, new Map(cells.map((cell, n) => [head[n + 1] ?? '', cell]))]),
  )
}

describe('every outcome', () => {
  const page = promised()

  it('that is played here is on the page, and the other way round', () => {
    expect([...page.keys()]).toEqual(Object.keys(endings))
    const columns = [...new Set(situations.map(({ column }) => column))]
    for (const cells of page.values()) expect([...cells.keys()]).toEqual(columns)
  })

  const cells = Object.entries(endings).flatMap(([name, ending]) =>
    situations.map((situation) => ({
      name,
      ending,
      situation,
      where: `${situation.column} (${situation.attempt} of 3${situation.isHeard ? ', and it hears of it' : ''})`,
      expected: page.get(name)?.get(situation.column),
    })),
  )
  it.each(cells)('$name · $where: $expected', async ({ ending, situation, expected }) => {
    expect(await play(ending, situation)).toBe(expected)
  })
})

describe('the reason of the signal', () => {
  async function reasonFor(
    cause: (runner: Runner, id: string) => unknown,
    options: { readonly timeout?: number } = {},
  ): Promise<unknown> {
    const [started, heard] = [deferred(), deferred<unknown>()]
    const runner = await app.run(
      {
        work: async (_, { signal }) => {
          started.resolve()
          await aborted(signal)
          heard.resolve(signal.reason)
        },
      },
      { gracePeriod: 0 },
    )
    const { id } = await app.kong.addJob('work', {}, options)
    await started.promise
    void cause(runner, id)
    return heard.promise
  }

  it('is a JobTimeoutError when its time is over', async () => {
    const reason = await reasonFor(() => undefined, { timeout: 20 })
    expect(reason).toBeInstanceOf(JobTimeoutError)
    expect(reason).toMatchObject({ code: 'KT_JOB_TIMEOUT' })
  })

  it('is a JobCancelledError with what was said when somebody cancels the job', async () => {
    const reason = await reasonFor((_, id) => cancelAndTell(id))
    expect(reason).toBeInstanceOf(JobCancelledError)
    expect(reason).toMatchObject({ code: 'KT_JOB_CANCELLED', reason: THE_OPERATORS })
  })

  it('is a LeaseLostError when another process owns the job', async () => {
    const reason = await reasonFor(() => giveToAnotherAndTell())
    expect(reason).toBeInstanceOf(LeaseLostError)
    expect(reason).toMatchObject({ code: 'KT_LEASE_LOST' })
  })

  it('is a ShutdownError when the grace period is over', async () => {
    const reason = await reasonFor((runner) => runner.stop())
    expect(reason).toBeInstanceOf(ShutdownError)
    expect(reason).toMatchObject({ code: 'KT_SHUTDOWN' })
  })
})

describe('a handler that ignores its signal', () => {
  it('keeps its slot and its job until it is stuck; then both go on, and its end changes nothing', async () => {
    const [end, ended] = [deferred(), deferred()]
    const order: string[] = []
    const deaf = defineTask('deaf', { timeout: 20, backoff: fixed(0) })
    const runner = await app.run(
      [
        handle(deaf, async (_, { job, signal }) => {
          order.push(`attempt ${job.attempt}`)
          if (job.attempt > 1) return 'by the second'
          signal.addEventListener('abort', () => order.push('aborted'))
          await end.promise
          ended.resolve()
          return 'by the first'
        }),
        { name: 'next', handle: () => void order.push('next') },
      ],
      { concurrency: 1, stuckAfter: 60 },
    )
    runner.on('job.stuck', () => order.push('stuck'))
    const done = settled(runner, 3)
    const { id } = await app.kong.addJob(deaf, {})
    await app.kong.addJob('next')
    expect((await done).map(({ settlement }) => settlement.kind).toSorted()).toEqual([
      'completed',
      'completed',
      'retry',
    ])
    // Neither the other job nor the second attempt began before the slot was taken from the first.
    expect(order.slice(0, 3)).toEqual(['attempt 1', 'aborted', 'stuck'])
    expect(order.slice(3).toSorted()).toEqual(['attempt 2', 'next'])
    expect(await app.job(id)).toMatchObject({ state: 'completed', attempt: 2, result: 'by the second' })

    const asItWas = await app.job(id)
    end.resolve()
    await ended.promise
    await runner.stop()
    expect(await app.job(id)).toEqual(asItWas)
  })
})

describe('a backoff policy', () => {
  it('sees the job and what was thrown, and answers in milliseconds or in words', async () => {
    const seen: unknown[] = []
    const thrown = new RangeError('busy')
    const runner = await app.run([
      handle(
        defineTask('work', {
          backoff: (...args) => {
            seen.push(args)
            return '3h'
          },
        }),
        () => {
          throw thrown
        },
      ),
    ])
    const done = settled(runner, 1)
    const { id } = await app.kong.addJob('work')
    expect(await done).toMatchObject([{ settlement: { kind: 'retry', delay: 10_800_000 } }])
    expect(seen).toEqual([
      [1, { job: { id, task: 'work', queue: 'default', attempt: 1, maxAttempts: 25 }, error: thrown }],
    ])
  })

  it('that throws is replaced by the default, and an event and a line in the log say so', async () => {
    const lines: unknown[] = []
    const quiet = (): void => undefined
    const logger = { debug: quiet, info: quiet, warn: quiet, error: (...line: unknown[]) => lines.push(line) }
    const broken = new TypeError('not my day')
    const task = defineTask('work', {
      backoff: () => {
        throw broken
      },
    })
    const runner = await app.run(
      [
        handle(task, () => {
          throw new Error('no')
        }),
      ],
      { logger },
    )
    const [told, done] = [once(runner, 'job.backoff_failed'), settled(runner, 1)]
    const { id } = await app.kong.addJob(task, {})
    const { delay } = await told
    expect(await told).toMatchObject({ job: { id, task: 'work' }, error: broken })
    expect(await done).toMatchObject([{ settlement: { kind: 'retry', delay } }])
    expect(delay).toBeGreaterThanOrEqual(900)
    expect(delay).toBeLessThanOrEqual(1_100)
    expect(lines).toEqual([
      [
        'The backoff policy of a task failed; the default policy was used',
        expect.objectContaining({ jobId: id, retryInMs: delay, error: 'TypeError: not my day' }),
      ],
    ])
  })
})
