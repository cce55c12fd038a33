// What an operator does with one job: `kong.jobs.cancel(id)` and its relatives.
import { KongTaskError, type JobCancelledError, type Jobs } from 'kongtask'
import { describe, expect, it } from 'vitest'
import { settled, useJourney } from '../../journeys/journey.ts'
import { withClient } from '../../support/run-databases.ts'
import { deferred, eventually } from '../../support/wait.ts'

const app = useJourney()

const inAnHour = { scheduledIn: '1h' } as const

/** What a call is refused with. */
async function refusalOf(call: Promise<unknown>): Promise<{ code: string; message: string }> {
  const error: unknown = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof KongTaskError)) throw new Error('it was not refused', { cause: error })
  return { code: error.code, message: error.message }
}

/** A job that is running until the test lets it end. */
async function runningJob(): Promise<{
  id: string
  reason: Promise<unknown>
  end: (how?: 'fail') => void
}> {
  const started = deferred()
  const aborted = deferred<unknown>()
  const ending = deferred<'fail' | undefined>()
  await app.run({
    run: async (_, { signal }) => {
      signal.addEventListener('abort', () => aborted.resolve(signal.reason))
      started.resolve()
      if ((await ending.promise) === 'fail') throw new Error('stopped')
    },
  })
  const { id } = await app.kong.addJob('run', {}, { maxAttempts: 3 })
  await started.promise
  return { id, reason: aborted.promise, end: (how) => ending.resolve(how) }
}

/** A job in a final state, made by a runner that is stopped then. */
async function finalJob(state: 'completed' | 'dead' | 'cancelled', options: object = {}): Promise<string> {
  const runner = await app.run({
    final: () => {
      if (state === 'dead') throw new Error('PERMANENT: no')
      return { done: true }
    },
  })
  const done = settled(runner, 1)
  const { id } = await app.kong.addJob(
    'final',
    { n: 1 },
    { ...options, ...(state === 'cancelled' ? inAnHour : {}) },
  )
  if (state === 'cancelled') await app.kong.jobs.cancel(id, 'not wanted')
  else await done
  await app.stopRunners()
  expect(await app.job(id)).toMatchObject({ state })
  return id
}

describe('cancelling', () => {
  it.each([inAnHour, {}])(
    'a job that waits moves it to history at once, with the reason: %j',
    async (options) => {
      const { id } = await app.kong.addJob('work', { a: 1 }, { ...options, tags: ['t'] })
      const cancelled = await app.kong.jobs.cancel(id, 'sold out')
      expect(cancelled).toMatchObject({ id, state: 'cancelled', attempt: 0, payload: { a: 1 }, tags: ['t'] })
      expect(cancelled.finishedAt).toBeInstanceOf(Date)
      expect(await app.query('select reason from kongtask.history')).toEqual([{ reason: 'sold out' }])
      expect(await app.query('select from kongtask.jobs')).toEqual([])
    },
  )

  it('keeps nothing of a job that is not to be kept', async () => {
    const { id } = await app.kong.addJob('work', {}, { retain: false })
    expect(await app.kong.jobs.cancel(id)).toMatchObject({ id, state: 'cancelled' })
    expect(await app.kong.jobs.get(id)).toBeUndefined()
  })

  it('a running job aborts its signal with the reason, and it ends as cancelled where it fails', async () => {
    const job = await runningJob()
    expect(await app.kong.jobs.cancel(job.id, 'too late')).toMatchObject({ state: 'running' })
    const reason = await job.reason
    expect(reason).toMatchObject({
      code: 'KT_JOB_CANCELLED',
      reason: 'too late',
    } satisfies Partial<JobCancelledError>)
    job.end('fail')
    await eventually(async () => expect((await app.job(job.id)).state).toBe('cancelled'))
    expect(await app.query('select reason from kongtask.history')).toEqual([{ reason: 'too late' }])
  })

  it('a running job that completes all the same is completed', async () => {
    const job = await runningJob()
    await app.kong.jobs.cancel(job.id)
    await job.reason
    job.end()
    await eventually(async () => expect((await app.job(job.id)).state).toBe('completed'))
  })

  it('a job that nobody has told yet ends it where it would come back', async () => {
    const [registered] = await app.query(
      `insert into kongtask.workers (expires_at, info) values (now() + interval '1 h', '{}') returning id, nonce`,
    )
    const { id } = await app.kong.addJob('work')
    await app.query(
      `select from kongtask.claim_jobs($1, $2, 1, null, null, 1, '{1}', null, true, false, null, null, null, null, null, null)`,
      [registered?.['id'], registered?.['nonce']],
    )
    await app.kong.jobs.cancel(id, 'first')
    await app.kong.jobs.cancel(id, 'second')
    // Its process dies, and another one meets the job.
    await app.query(`update kongtask.workers set expires_at = now() - interval '1 s'`)
    await app.query('select kongtask.rescue_workers()')
    const ran: string[] = []
    await app.run({ work: (_, { job }) => void ran.push(job.id) })
    await eventually(async () => expect((await app.job(id)).state).toBe('cancelled'))
    expect(await app.query('select reason from kongtask.history')).toEqual([{ reason: 'first' }])
    expect(ran).toEqual([])
  })

  it.each(['completed', 'dead', 'cancelled'] as const)('a job that is %s is refused', async (state) => {
    const id = await finalJob(state)
    expect(await refusalOf(app.kong.jobs.cancel(id))).toEqual({
      code: 'KT_JOB_STATE',
      message: `Job ${id} is ${state} and cannot be cancelled. It is over.`,
    })
  })

  it('releases the unique key', async () => {
    const { id } = await app.kong.addJob('work', {}, { uniqueKey: 'k', ...inAnHour })
    await app.kong.jobs.cancel(id)
    expect(await app.kong.addJob('work', {}, { uniqueKey: 'k' })).toMatchObject({ status: 'added' })
  })
})

describe.each(['cancel', 'delete'] as const)(
  'the serial key of a job that an operator takes away (%s)',
  (verb) => {
    it('goes to the next job of that key, without waiting for a look', async () => {
      const serialKey = `holder-${verb}`
      const { id } = await app.kong.addJob('work', {}, { serialKey })
      // A claim has met it, and given it its key; then it was to wait for its retry.
      const once = await app.run({ work: () => Promise.reject(new Error('again')) })
      const failed = settled(once, 1)
      await failed
      await app.stopRunners()
      const { id: second } = await app.kong.addJob('work', {}, { serialKey })
      const { id: third } = await app.kong.addJob('work', {}, { serialKey })
      const ran: string[] = []
      const runner = await app.run({ work: (_, { job }) => void ran.push(job.id) })
      const done = settled(runner, 2)
      await app.kong.jobs[verb](id)
      await done
      expect(ran).toEqual([second, third])
      expect(await app.query('select from kongtask.serial_keys where key = $1', [serialKey])).toEqual([])
    })

    it('stays with who has it where the job only waited', async () => {
      const serialKey = `waiter-${verb}`
      const order: string[] = []
      const holding = deferred()
      const started = deferred()
      const runner = await app.run({
        work: async (_, { job }) => {
          order.push(job.id)
          started.resolve()
          await holding.promise
        },
      })
      const done = settled(runner, 2)
      const { id: first } = await app.kong.addJob('work', {}, { serialKey })
      await started.promise
      const { id: second } = await app.kong.addJob('work', {}, { serialKey })
      const { id: third } = await app.kong.addJob('work', {}, { serialKey })
      await app.kong.jobs[verb](second)
      expect(order).toEqual([first])
      holding.resolve()
      await done
      expect(order).toEqual([first, third])
    })
  },
)

describe('retrying', () => {
  it('a job that waits for its retry runs it now', async () => {
    let runs = 0
    const runner = await app.run({
      work: () => {
        runs += 1
        if (runs === 1) throw new Error('once')
      },
    })
    const failed = settled(runner, 1)
    const { id } = await app.kong.addJob('work')
    await failed
    // The first retry comes after a second at the earliest; make it an hour, so that it must be us.
    await app.query(`update kongtask.jobs set run_at = now() + interval '1 h'`)
    const done = settled(runner, 1)
    await app.kong.jobs.retry(id)
    await done
    expect(await app.job(id)).toMatchObject({ state: 'completed', attempt: 2 })
  })

  it.each(['completed', 'dead', 'cancelled'] as const)(
    'a job that is %s gives it a new life with its id, and it runs',
    async (state) => {
      const id = await finalJob(state, { tags: ['t'], priority: 3, retain: '2h', maxAttempts: 7 })
      const errors = (await app.job(id)).errors
      expect(await app.kong.jobs.retry(id)).toMatchObject({
        id,
        state: 'ready',
        attempt: 0,
        maxAttempts: 7,
        priority: 3,
        tags: ['t'],
        payload: { n: 1 },
        finishedAt: undefined,
        errors,
      })
      const runner = await app.run({ final: () => 'again' })
      if ((await app.job(id)).state !== 'completed') await settled(runner, 1)
      await eventually(async () =>
        expect(await app.job(id)).toMatchObject({ state: 'completed', result: 'again' }),
      )
      expect(
        await app.query(
          `select id::text, round(extract(epoch from expires_at - finished_at))::int as kept from kongtask.history`,
        ),
      ).toEqual([{ id, kept: 7_200 }])
      expect(await app.states()).toEqual({ completed: 1 })
    },
  )

  it('a job that was cancelled while it ran does not cancel it again', async () => {
    const job = await runningJob()
    await app.kong.jobs.cancel(job.id)
    await job.reason
    job.end('fail')
    await eventually(async () => expect((await app.job(job.id)).state).toBe('cancelled'))
    await app.stopRunners()
    await app.kong.jobs.retry(job.id)
    await app.run({ run: () => 'ran' })
    await eventually(async () =>
      expect(await app.job(job.id)).toMatchObject({ state: 'completed', result: 'ran' }),
    )
  })

  it.each(['completed', 'dead', 'cancelled'] as const)(
    'a job that is %s while another has its unique key is refused, and it stays as it was',
    async (state) => {
      const id = await finalJob(state, { uniqueKey: `u-${state}` })
      await app.kong.addJob('final', {}, { uniqueKey: `u-${state}`, ...inAnHour })
      const before = await app.job(id)
      expect(await refusalOf(app.kong.jobs.retry(id))).toMatchObject({ code: 'KT_UNIQUE_CONFLICT' })
      expect(await app.job(id)).toEqual(before)
      expect(await app.states()).toEqual({ [state]: 1, scheduled: 1 })
    },
  )

  it('regains the unique key: the next one under it is a duplicate', async () => {
    const id = await finalJob('dead', { uniqueKey: 'mine' })
    await app.kong.jobs.retry(id)
    expect(await app.kong.addJob('final', {}, { uniqueKey: 'mine' })).toEqual({ id, status: 'skipped' })
  })
})

describe('rescheduling', () => {
  it('moves a job to a time, or by the database’s clock', async () => {
    const { id } = await app.kong.addJob('work', {}, inAnHour)
    const at = new Date('2040-01-02T03:04:05.678Z')
    expect(await app.kong.jobs.reschedule(id, { scheduledAt: at })).toMatchObject({
      scheduledAt: at,
      state: 'scheduled',
    })
    const { scheduledAt } = await app.kong.jobs.reschedule(id, { scheduledIn: '2h' })
    expect(scheduledAt.getTime() - Date.now()).toBeGreaterThan(7_190_000)
    expect(scheduledAt.getTime() - Date.now()).toBeLessThan(7_210_000)
  })

  it('to the past makes it due now, and wakes a worker', async () => {
    const { id } = await app.kong.addJob('work', {}, inAnHour)
    const runner = await app.run({ work: () => undefined })
    const done = settled(runner, 1)
    await app.kong.jobs.reschedule(id, { scheduledAt: '2001-01-01T00:00:00Z' })
    await done
    expect((await app.job(id)).scheduledAt.getTime()).toBeGreaterThan(Date.now() - 60_000)
  })

  it('a job that was ready lets it wait', async () => {
    const { id } = await app.kong.addJob('work')
    expect(await app.kong.jobs.reschedule(id, inAnHour)).toMatchObject({ state: 'scheduled' })
  })
})

describe('running a job now', () => {
  it('makes what is scheduled due, and wakes a worker', async () => {
    const { id } = await app.kong.addJob('work', {}, inAnHour)
    const runner = await app.run({ work: () => undefined })
    const done = settled(runner, 1)
    await app.kong.jobs.runNow(id)
    await done
    expect(await app.job(id)).toMatchObject({ state: 'completed' })
  })

  it('leaves what is due in its place in the line', async () => {
    const { id } = await app.kong.addJob('work')
    const { scheduledAt } = await app.job(id)
    expect(await app.kong.jobs.runNow(id)).toMatchObject({ state: 'ready', scheduledAt })
  })
})

describe('another priority', () => {
  it('lets the job go before others', async () => {
    const [, late] = await app.kong.addJobs([{ task: 'work' }, { task: 'work' }])
    expect(await app.kong.jobs.reprioritise(late?.id ?? '', 0)).toMatchObject({ priority: 0 })
    const ran: string[] = []
    const runner = await app.run({ work: (_, { job }) => void ran.push(job.id) }, { concurrency: 1 })
    await eventually(() => expect(ran).toHaveLength(2))
    await runner.stop()
    expect(ran[0]).toBe(late?.id)
  })

  it('of a job that waits for its serial key does not let it go out of turn', async () => {
    const serialKey = 'in-turn'
    const holding = deferred()
    const started = deferred()
    const order: string[] = []
    const runner = await app.run({
      work: async (_, { job }) => {
        order.push(job.id)
        started.resolve()
        await holding.promise
      },
    })
    const done = settled(runner, 3)
    const { id: first } = await app.kong.addJob('work', {}, { serialKey })
    await started.promise
    const { id: second } = await app.kong.addJob('work', {}, { serialKey })
    const { id: third } = await app.kong.addJob('work', {}, { serialKey })
    expect(await app.kong.jobs.reprioritise(third, 0)).toMatchObject({ priority: 0 })
    expect(await app.query('select lane from kongtask.jobs where id = $1', [third])).toEqual([{ lane: 16 }])
    holding.resolve()
    await done
    expect(order).toEqual([first, second, third])
  })
})

describe('a job that is parked behind a limit', () => {
  /** As a claim parks it. */
  async function parked(): Promise<string> {
    const { id } = await app.kong.addJob('limited', {}, { priority: 3 })
    await app.query(
      `update kongtask.jobs set lane = lane + 64, waits_for = 'concurrency:key:crm' where id = $1`,
      [id],
    )
    return id
  }
  const place = (id: string) => app.query('select lane, waits_for from kongtask.jobs where id = $1', [id])

  it('keeps its priority for those who look', async () => {
    expect(await app.job(await parked())).toMatchObject({ priority: 3, state: 'ready' })
  })

  it('is judged anew where it is moved to another time', async () => {
    const id = await parked()
    await app.kong.jobs.reschedule(id, inAnHour)
    expect(await place(id)).toEqual([{ lane: 3, waits_for: null }])
  })

  it('keeps its place where it is to run now: it is due', async () => {
    const id = await parked()
    await app.kong.jobs.runNow(id)
    expect(await place(id)).toEqual([{ lane: 67, waits_for: 'concurrency:key:crm' }])
  })

  it('is judged anew with another priority, and claims are woken to do so', async () => {
    const id = await parked()
    const heard: (string | undefined)[] = []
    await withClient(app.database.connectionString, async (client) => {
      client.on('notification', ({ payload }) => heard.push(payload))
      await client.query('listen "kongtask:ready"')
      await app.kong.jobs.reprioritise(id, 0)
      await eventually(() => expect(heard).toHaveLength(1))
    })
    expect(await place(id)).toEqual([{ lane: 128, waits_for: null }])
    const runner = await app.run({ limited: () => undefined })
    expect(await settled(runner, 1)).toMatchObject([{ job: { id } }])
  })

  it('waits for its serial key on, with another priority', async () => {
    await app.kong.addJob('limited', {}, { serialKey: 'k', ...inAnHour })
    const { id } = await app.kong.addJob('limited', {}, { serialKey: 'k' })
    await app.query('update kongtask.jobs set lane = 17 where id = $1', [id])
    await app.kong.jobs.reprioritise(id, 0)
    expect(await place(id)).toEqual([{ lane: 16, waits_for: null }])
  })
})

describe('deleting', () => {
  it.each(['completed', 'dead', 'cancelled'] as const)('forgets a job that is %s', async (state) => {
    const id = await finalJob(state)
    expect(await app.kong.jobs.delete(id)).toMatchObject({ id, state })
    expect(await app.kong.jobs.get(id)).toBeUndefined()
    expect(await app.states()).toEqual({})
  })

  it('forgets a job that waits, and its unique key', async () => {
    const { id } = await app.kong.addJob('work', {}, { uniqueKey: 'gone', ...inAnHour })
    expect(await app.kong.jobs.delete(id)).toMatchObject({ id, state: 'scheduled' })
    expect(await app.kong.addJob('work', {}, { uniqueKey: 'gone' })).toMatchObject({ status: 'added' })
  })

  it('forgets a job in the overflow of history', async () => {
    const { id } = await app.kong.addJob('work', {}, { retain: '90d' })
    await app.kong.jobs.cancel(id)
    expect(await app.query('select id::text from kongtask.history_overflow')).toEqual([{ id }])
    await app.kong.jobs.delete(id)
    expect(await app.kong.jobs.get(id)).toBeUndefined()
  })
})

type Call = (jobs: Jobs, id: string) => Promise<unknown>
const verbs: readonly (readonly [name: string, call: Call])[] = [
  ['delete', (jobs, id) => jobs.delete(id)],
  ['retry', (jobs, id) => jobs.retry(id)],
  ['runNow', (jobs, id) => jobs.runNow(id)],
  ['reschedule', (jobs, id) => jobs.reschedule(id, inAnHour)],
  ['reprioritise', (jobs, id) => jobs.reprioritise(id, 2)],
]

describe('a running job', () => {
  it.each(verbs)('is left alone by %s, which says what to do first', async (_, call) => {
    const job = await runningJob()
    const refusal = await refusalOf(call(app.kong.jobs, job.id))
    expect(refusal.code).toBe('KT_JOB_STATE')
    expect(refusal.message).toContain(`Cancel it first: kong.jobs.cancel('${job.id}')`)
    job.end()
    await eventually(async () =>
      expect(await app.job(job.id)).toMatchObject({ state: 'completed', attempt: 1 }),
    )
  })
})

describe('a job that there is not', () => {
  it.each([...verbs, ['cancel', (jobs: Jobs, id: string) => jobs.cancel(id)] as const])(
    'is not found by %s',
    async (_, call) => {
      expect(await refusalOf(call(app.kong.jobs, '987654321'))).toMatchObject({ code: 'KT_JOB_NOT_FOUND' })
    },
  )
})

describe('a job that somebody has locked', () => {
  it('is changed as soon as that one is done', async () => {
    const { id } = await app.kong.addJob('work', {}, inAnHour)
    const client = await app.database.pool.connect()
    await client.query('begin')
    await client.query('select from kongtask.jobs for update')
    const { rows: since } = await client.query<{ at: string }>('select clock_timestamp()::text as at')
    const cancelled = app.kong.jobs.cancel(id)
    // It has been met and skipped.
    await eventually(async () =>
      expect(
        await app.query(
          `select from pg_stat_activity
            where datname = current_database() and state = 'idle' and query like '%.cancel_jobs(%' and query_start > $1`,
          [since[0]?.at],
        ),
      ).not.toEqual([]),
    )
    await client.query('commit')
    client.release()
    expect(await cancelled).toMatchObject({ state: 'cancelled' })
  })
})

describe('calls that are wrong', () => {
  it.each<readonly [string, Call, string]>([
    ['no id', (jobs) => jobs.cancel('12x'), 'KT_OPTION_INVALID'],
    ['no reason', (jobs) => jobs.cancel('1', ' '), 'KT_OPTION_INVALID'],
    ['no time', (jobs) => jobs.reschedule('1', {}), 'KT_OPTION_INVALID'],
    [
      'two times',
      (jobs) => jobs.reschedule('1', { scheduledIn: 1, scheduledAt: new Date() }),
      'KT_OPTION_INVALID',
    ],
    ['a bad time', (jobs) => jobs.reschedule('1', { scheduledAt: '2040-01-01' }), 'KT_DATE_INVALID'],
    ['a bad duration', (jobs) => jobs.reschedule('1', { scheduledIn: 'soon' }), 'KT_DURATION_INVALID'],
    ['a bad priority', (jobs) => jobs.reprioritise('1', 16), 'KT_OPTION_INVALID'],
    ['an empty filter', (jobs) => jobs.delete({}), 'KT_OPTION_INVALID'],
    ['a filter of undefined', (jobs) => jobs.delete({ tag: undefined }), 'KT_OPTION_INVALID'],
    ['a state that it is not for', (jobs) => jobs.cancel({ state: 'dead' }), 'KT_OPTION_INVALID'],
    ['an unknown key', (jobs) => jobs.cancel({ tags: ['x'] } as object), 'KT_OPTION_UNKNOWN'],
    ['an unknown option', (jobs) => jobs.retry({ tag: 'x' }, { dry: true } as object), 'KT_OPTION_UNKNOWN'],
    ['a bad cursor', (jobs) => jobs.list({}, { after: '17' }), 'KT_OPTION_INVALID'],
    ['a bad limit', (jobs) => jobs.list({}, { limit: 0 }), 'KT_OPTION_INVALID'],
    ['a bad task', (jobs) => jobs.list({ task: 'a b' }), 'KT_NAME_INVALID'],
    ['a bad state', (jobs) => jobs.list({ state: [] }), 'KT_OPTION_INVALID'],
    ['a bad range', (jobs) => jobs.list({ createdAt: { since: 1 } as object }), 'KT_OPTION_UNKNOWN'],
  ])('%s: refused before anything happens', async (_, call, code) => {
    expect(await refusalOf(call(app.kong.jobs, ''))).toMatchObject({ code })
  })
})
