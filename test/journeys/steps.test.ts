import { defineTask, handle, RetryableError, type JobContext } from 'kongtask'
import { describe, expect, it } from 'vitest'
import { deferred } from '../support/wait.ts'
import { once, settled, useJourney } from './journey.ts'

const app = useJourney()

const NOW = { retryIn: 0 }

/** Runs the job again at once, whatever it waits for. */
async function again(): Promise<void> {
  await app.query('update kongtask.jobs set run_at = now()')
}

function steps(): Promise<readonly unknown[]> {
  return app.query('select name, result from kongtask.steps order by name')
}

describe('a step', () => {
  it('runs once over all attempts, and returns on each what it returned the first time', async () => {
    const ran: string[] = []
    const seen: unknown[] = []
    const runner = await app.run({
      work: async (_, { step, job }) => {
        const charged = await step('charge', () => {
          ran.push('charge')
          return { id: 'ch_1', cents: 500 }
        })
        const nothing = await step('mail', async () => void ran.push('mail'))
        seen.push([charged, nothing])
        if (job.attempt < 3) throw new RetryableError('again', NOW)
      },
    })
    const done = once(runner, 'job.settled', ({ settlement }) => settlement.kind === 'completed')
    await app.kong.addJob('work')
    await done
    expect(ran).toEqual(['charge', 'mail'])
    expect(seen).toEqual([
      [{ id: 'ch_1', cents: 500 }, undefined],
      [{ id: 'ch_1', cents: 500 }, undefined],
      [{ id: 'ch_1', cents: 500 }, undefined],
    ])
  })

  it('tells null from nothing, and has been through JSON the first time too', async () => {
    const seen: unknown[] = []
    const runner = await app.run({
      work: async (_, { step, job }) => {
        const at = (): unknown => ({ at: new Date(0) })
        seen.push([
          await step('null', () => null),
          await step('nothing', () => undefined),
          await step('date', at),
        ])
        if (job.attempt === 1) throw new RetryableError('again', NOW)
      },
    })
    const done = once(runner, 'job.settled', ({ settlement }) => settlement.kind === 'completed')
    await app.kong.addJob('work')
    await done
    const results = [null, undefined, { at: '1970-01-01T00:00:00.000Z' }]
    expect(seen).toEqual([results, results])
  })

  it('that throws is not stored, and runs again', async () => {
    let tries = 0
    const runner = await app.run({
      work: async (_, { step }) =>
        step('fragile', () => {
          tries += 1
          if (tries === 1) throw new RetryableError('broken', NOW)
          return tries
        }),
    })
    const done = once(runner, 'job.settled', ({ settlement }) => settlement.kind === 'completed')
    const { id } = await app.kong.addJob('work')
    await done
    expect(await app.job(id)).toMatchObject({ result: 2, errors: [{ message: 'broken' }] })
  })

  it('is kept while its job is a dead letter, and returned when that is redriven', async () => {
    let fail = true
    let ran = 0
    const runner = await app.run({
      work: async (_, { step }) => {
        const n = await step('once', () => (ran += 1))
        if (fail) throw new Error('no')
        return n
      },
    })
    const dead = once(runner, 'job.failed')
    const { id } = await app.kong.addJob('work', {}, { maxAttempts: 1 })
    await dead
    fail = false
    const done = once(runner, 'job.settled', ({ settlement }) => settlement.kind === 'completed')
    await app.kong.deadLetters.redrive(id)
    await done
    expect(ran).toBe(1)
    expect(await app.job(id)).toMatchObject({ result: 1 })
  })

  it('in a transaction of the handler has happened if and only if that commits', async () => {
    await app.query('drop table if exists effects')
    await app.query('create table effects (what text)')
    let runs = 0
    const handler = async ({ withTransaction, step, job }: JobContext): Promise<void> => {
      await withTransaction(async (tx) => {
        const work = async (): Promise<string> => {
          runs += 1
          await tx.query(`insert into effects values ('paid')`)
          return 'paid'
        }
        expect(await step('pay', work, { tx })).toBe('paid')
        if (job.attempt === 1) throw new RetryableError('rolled back', NOW)
      })
      if (job.attempt === 2) throw new RetryableError('behind the commit', NOW)
    }
    const runner = await app.run({ work: (_, ctx) => handler(ctx) })
    const done = once(runner, 'job.settled', ({ settlement }) => settlement.kind === 'completed')
    await app.kong.addJob('work')
    await done
    expect(runs).toBe(2)
    expect(await app.query('select what from effects')).toEqual([{ what: 'paid' }])
  })

  it('in a transaction cannot be stored by a handler whose lease is gone: nothing of it commits', async () => {
    await app.query('drop table if exists effects')
    await app.query('create table effects (what text)')
    const caught: unknown[] = []
    const runner = await app.run({
      work: async (_, { withTransaction, step }) => {
        await app.query('update kongtask.jobs set worker = 4711, claim = 1')
        await withTransaction(async (tx) => {
          const work = async (): Promise<void> =>
            void (await tx.query(`insert into effects values ('ghost')`))
          await step('pay', work, { tx }).catch((error: unknown) => caught.push(error))
        })
        await step('mail', () => 1).catch((error: unknown) => caught.push(error))
      },
    })
    const lost = once(runner, 'job.lost')
    await app.kong.addJob('work')
    await lost
    expect(caught).toMatchObject([{ code: 'KT_LEASE_LOST' }, { code: 'KT_LEASE_LOST' }])
    expect(await app.query('select what from effects')).toEqual([])
    expect(await steps()).toEqual([])
  })

  it.each<readonly [string, string, (ctx: JobContext) => Promise<unknown>]>([
    [
      'with the name of another',
      'KT_STEP_DUPLICATE',
      async ({ step }) => {
        await step('twice', () => 1)
        await step('twice', () => 2)
      },
    ],
    [
      'with the name of one that is still running',
      'KT_STEP_DUPLICATE',
      ({ step }) => Promise.all([step('twice', () => 1), step('twice', () => 2)]),
    ],
    ['without a name', 'KT_STEP_NAME_INVALID', ({ step }) => step('', () => 1)],
    ['with too long a name', 'KT_STEP_NAME_INVALID', ({ step }) => step('x'.repeat(201), () => 1)],
    ['with the name of a sleep', 'KT_STEP_NAME_INVALID', ({ step }) => step('sleep:1', () => 1)],
    ['with a name that cannot be stored', 'KT_STEP_NAME_INVALID', ({ step }) => step('a\0b', () => 1)],
    ['that returns NaN', 'KT_STEP_NOT_JSON', ({ step }) => step('x', () => ({ n: Number.NaN }))],
    ['that returns a map', 'KT_STEP_NOT_JSON', ({ step }) => step<unknown>('x', () => new Map())],
    ['that returns too much', 'KT_STEP_NOT_JSON', ({ step }) => step('x', () => 'x'.repeat(1_100_000))],
    ['that sleeps for no duration', 'KT_DURATION_INVALID', ({ sleep }) => sleep('soon')],
  ])('%s is refused', async (_, code, handler) => {
    const runner = await app.run({ work: (__, ctx) => handler(ctx) })
    const failed = once(runner, 'job.failed')
    await app.kong.addJob('work', {}, { maxAttempts: 1 })
    expect((await failed).settlement.error).toMatchObject({ code })
  })

  it('is typed by what it returns, and refuses at compile time what JSON has not', async () => {
    const typed = defineTask('typed')
    const runner = await app.run([
      handle(typed, async (_, { step }) => {
        const user = await step('user', async () => ({ name: 'Ada', age: 36 }))
        const text: string = user.name
        // @ts-expect-error a number it is
        const wrong: string = user.age
        await step('nothing', () => undefined)
        await step('void', async () => {})
        // @ts-expect-error functions do not survive JSON
        await step('function', () => () => 1).catch(() => undefined)
        return [text, wrong]
      }),
    ])
    const done = settled(runner, 1)
    await app.kong.addJob(typed)
    expect(await done).toMatchObject([{ settlement: { kind: 'completed', result: ['Ada', 36] } }])
  })

  it('is begun by no handler that has ended', async () => {
    let kept: JobContext | undefined
    const runner = await app.run({
      work: (_, ctx) => {
        kept = ctx
      },
    })
    const done = settled(runner, 1)
    await app.kong.addJob('work')
    await done
    let ran = 0
    await expect(kept?.step('late', () => (ran += 1))).rejects.toMatchObject({ code: 'KT_LEASE_LOST' })
    expect(ran).toBe(0)
  })

  it('is forgotten where its job is replaced by another payload', async () => {
    const ran: unknown[] = []
    const runner = await app.run({
      work: async (payload, { step }) => {
        ran.push(await step('once', () => payload))
        if (payload === 'old') throw new Error('again')
      },
    })
    const failed = once(runner, 'job.failed')
    const { id } = await app.kong.addJob('work', 'old', { uniqueKey: 'k' })
    await failed
    const done = settled(runner, 1)
    expect(await app.kong.addJob('work', 'new', { uniqueKey: 'k', onConflict: 'replace' })).toEqual({
      id,
      status: 'replaced',
    })
    await done
    expect(ran).toEqual(['old', 'new'])
  })
})

describe('a sleep', () => {
  it('frees the slot, uses up no attempt, and goes on from there when it is over', async () => {
    const said: string[] = []
    const runner = await app.run(
      {
        work: async (payload, { step, sleep, job }) => {
          if (payload === 'other') return void said.push('other')
          await step('welcome', () => void said.push('welcome'))
          await sleep('3d')
          said.push(`reminder in attempt ${job.attempt}`)
          return 'done'
        },
      },
      { concurrency: 1, pollInterval: 50 },
    )
    const snoozed = once(runner, 'job.settled', ({ settlement }) => settlement.kind === 'snoozed')
    const { id } = await app.kong.addJob('work', 'letter')
    await snoozed
    const asleep = await app.job(id)
    expect(asleep).toMatchObject({ state: 'scheduled', attempt: 0, snoozes: 1, errors: [] })
    expect(asleep.scheduledAt.getTime() - Date.now()).toBeGreaterThan(3 * 86_400_000 - 60_000)
    const other = once(runner, 'job.settled')
    await app.kong.addJob('work', 'other')
    await other

    // Woken early it goes back to sleep for the rest, not for three days anew.
    const early = once(runner, 'job.settled', ({ settlement }) => settlement.kind === 'snoozed')
    await app.query(`update kongtask.steps set until = until - interval '1 day'`)
    await again()
    await early
    const rest = (await app.job(id)).scheduledAt.getTime() - Date.now()
    expect(rest).toBeLessThan(2 * 86_400_000 + 60_000)
    expect(rest).toBeGreaterThan(2 * 86_400_000 - 60_000)

    const done = once(runner, 'job.settled', ({ settlement }) => settlement.kind === 'completed')
    await app.query(`update kongtask.steps set until = until - interval '2 days'`)
    await again()
    await done
    expect(said).toEqual(['welcome', 'other', 'reminder in attempt 1'])
  })

  it('ends the execution as snoozed although the handler catches it and returns', async () => {
    const caught: unknown[] = []
    const runner = await app.run({
      work: async (_, { sleep, step }) => {
        try {
          await sleep('nap', '1h')
        } catch (error) {
          caught.push(error)
        }
        await step('behind', () => 1).catch((error: unknown) => caught.push(error))
        return 'as if nothing had happened'
      },
    })
    const done = settled(runner, 1)
    const { id } = await app.kong.addJob('work')
    expect(await done).toMatchObject([{ job: { id }, settlement: { kind: 'snoozed' } }])
    expect(caught).toMatchObject([{ name: 'Sleeping' }, { name: 'Sleeping' }])
    expect(await app.query('select name from kongtask.steps')).toEqual([{ name: 'sleep:@nap' }])
  })

  it('without a name is known by its place', async () => {
    const runner = await app.run(
      {
        work: async (_, { sleep }) => {
          await sleep(1)
          await sleep(1)
          await sleep(0)
        },
      },
      { pollInterval: 20 },
    )
    const done = once(runner, 'job.settled', ({ settlement }) => settlement.kind === 'completed')
    const { id } = await app.kong.addJob('work')
    await done
    expect(await app.query('select name from kongtask.steps order by name')).toEqual([
      { name: 'sleep:1' },
      { name: 'sleep:2' },
      { name: 'sleep:3' },
    ])
    expect((await app.job(id)).snoozes).toBeLessThanOrEqual(2)
  })

  it('gives way to whoever ends the execution from outside', async () => {
    const asleep = deferred()
    const runner = await app.run(
      {
        work: async (_, { sleep, signal }) => {
          await sleep('1h').catch(() => asleep.resolve())
          await new Promise((resolve) => signal.addEventListener('abort', resolve))
        },
      },
      { concurrency: 1 },
    )
    const failed = once(runner, 'job.failed')
    await app.kong.addJob('work', {}, { timeout: 300 })
    await asleep.promise
    expect((await failed).settlement.error).toMatchObject({ code: 'KT_JOB_TIMEOUT' })
  })
})
