import { KongTaskError, LeaseLostError, type JobContext, type PooledSqlClient } from 'kongtask'
import { beforeEach, describe, expect, it } from 'vitest'
import { deferred, eventually } from '../support/wait.ts'
import { once, settled, useJourney } from './journey.ts'

const app = useJourney()

beforeEach(async () => {
  await app.query('drop table if exists effects')
  await app.query('create table effects (what text)')
})

const effects = async (): Promise<unknown[]> =>
  (await app.query('select what from effects order by what')).map(({ what }) => what)

/** Writes and completes, in a transaction that commits. */
async function work(
  { withTransaction, complete }: JobContext,
  what: string,
  result?: unknown,
): Promise<void> {
  await withTransaction(async (tx) => {
    await tx.query('insert into effects values ($1)', [what])
    await complete(tx, result)
  })
}

async function leaseOf(id: string): Promise<unknown> {
  const [row] = await app.query('select worker <> 0 as held from kongtask.jobs where id = $1', [id])
  return row?.['held']
}

describe('a job that completes in a transaction of its handler', () => {
  it('is completed with its result when that commits, and is settled as such', async () => {
    const runner = await app.run({ work: (_, ctx) => work(ctx, 'done', { pages: 3 }) })
    const done = settled(runner, 1)
    const { id } = await app.kong.addJob('work')
    expect(await done).toMatchObject([
      { job: { id }, settlement: { kind: 'completed', result: { pages: 3 } } },
    ])
    expect(await app.job(id)).toMatchObject({ state: 'completed', result: { pages: 3 }, attempt: 1 })
    expect(await effects()).toEqual(['done'])
    expect(await app.query('select * from kongtask.completions')).toEqual([])
  })

  it('is forgotten where nothing is to be kept of it', async () => {
    const runner = await app.run({ work: (_, ctx) => work(ctx, 'done') })
    const done = settled(runner, 1)
    const { id } = await app.kong.addJob('work', {}, { retain: false })
    await done
    expect(await app.kong.jobs.get(id)).toBeUndefined()
    expect(await app.query('select worker from kongtask.claims')).toEqual([])
  })

  it('is not completed when that rolls back: what the handler throws counts', async () => {
    const runner = await app.run({
      work: (_, { withTransaction, complete }) =>
        withTransaction(async (tx) => {
          await tx.query(`insert into effects values ('undone')`)
          await complete(tx)
          throw new RangeError('changed my mind')
        }),
    })
    const done = settled(runner, 1)
    const { id } = await app.kong.addJob('work', {}, { maxAttempts: 1 })
    expect(await done).toMatchObject([{ settlement: { kind: 'dead', error: { name: 'RangeError' } } }])
    expect(await app.job(id)).toMatchObject({ state: 'dead', errors: [{ message: 'changed my mind' }] })
    expect(await effects()).toEqual([])
  })

  it('is settled as the handler says where it rolled back and went on', async () => {
    const runner = await app.run({
      work: async (_, { withTransaction, complete }) => {
        const undone = withTransaction(async (tx) => {
          await complete(tx, 'in the transaction')
          throw new Error('no')
        })
        await undone.catch(() => undefined)
        return 'by return'
      },
    })
    const done = settled(runner, 1)
    const { id } = await app.kong.addJob('work')
    await done
    expect(await app.job(id)).toMatchObject({ state: 'completed', result: 'by return' })
  })

  it('may try again in another transaction behind one that rolled back', async () => {
    const runner = await app.run({
      work: async (_, ctx) => {
        const undone = ctx.withTransaction(async (tx) => {
          await ctx.complete(tx, 'first')
          throw new Error('no')
        })
        await undone.catch(() => undefined)
        await work(ctx, 'done', 'second')
      },
    })
    const done = settled(runner, 1)
    const { id } = await app.kong.addJob('work')
    await done
    expect(await app.job(id)).toMatchObject({ result: 'second' })
  })

  it('stays completed whatever its handler throws behind the commit, which is told', async () => {
    const runner = await app.run({
      work: async (_, ctx) => {
        await work(ctx, 'done', 'kept')
        throw new Error('too late')
      },
    })
    const ignored = once(runner, 'job.outcome_ignored')
    const done = settled(runner, 1)
    const { id } = await app.kong.addJob('work')
    expect(await done).toMatchObject([{ settlement: { kind: 'completed', result: 'kept' } }])
    expect(await ignored).toMatchObject({
      job: { id },
      settlement: { kind: 'retry', error: { message: 'too late' } },
    })
    expect(await app.job(id)).toMatchObject({ state: 'completed', result: 'kept', errors: [] })
  })

  it('completes without a result that JSON cannot carry, as with one that is returned', async () => {
    const runner = await app.run({ work: (_, ctx) => work(ctx, 'done', { at: Number.NaN }) })
    const dropped = once(runner, 'job.result_dropped')
    const { id } = await app.kong.addJob('work')
    expect((await dropped).why).toContain('NaN')
    await eventually(async () => expect(await app.job(id)).toMatchObject({ state: 'completed' }))
    expect((await app.job(id)).result).toBeUndefined()
  })

  it('completes once: a second transaction cannot', async () => {
    const caught: unknown[] = []
    const runner = await app.run({
      work: async (_, ctx) => {
        await work(ctx, 'once')
        await work(ctx, 'twice').catch((error: unknown) => caught.push(error))
      },
    })
    const done = settled(runner, 1)
    await app.kong.addJob('work')
    await done
    expect(caught).toMatchObject([{ code: 'KT_ALREADY_COMPLETED' }])
    expect(await effects()).toEqual(['once'])
  })

  it('must be given a transaction', async () => {
    const caught: unknown[] = []
    const runner = await app.run({
      work: async (_, { complete, pool }) => {
        // @ts-expect-error the compiler refuses it as well
        await complete(pool).catch((error: unknown) => caught.push(error))
        const client = await pool.connect()
        await complete(client).catch((error: unknown) => caught.push(error))
        client.release()
      },
    })
    const done = settled(runner, 1)
    await app.kong.addJob('work')
    await done
    expect(caught).toMatchObject([{ code: 'KT_NOT_A_TRANSACTION' }, { code: 'KT_NOT_A_TRANSACTION' }])
  })

  it('is waited for where its handler ends before the transaction does', async () => {
    const commit = deferred()
    const held = deferred<PooledSqlClient>()
    const runner = await app.run({
      work: async (payload, { pool, complete }) => {
        if (payload === 'other') return
        const client = await pool.connect()
        await client.query('begin')
        await client.query(`insert into effects values ('late')`)
        await complete(client, 'late')
        held.resolve(client)
        void commit.promise.then(async () => {
          await client.query('commit')
          client.release()
        })
        throw new Error('ended before the transaction')
      },
    })
    const first = once(runner, 'job.settled', ({ settlement }) => settlement.kind === 'completed')
    const { id } = await app.kong.addJob('work', 'late')
    await held.promise
    // Others are settled meanwhile: nothing waits for the transaction.
    const other = await app.kong.addJob('work', 'other')
    expect((await first).job.id).toBe(other.id)
    expect(await leaseOf(id)).toBe(true)
    const done = settled(runner, 1)
    commit.resolve()
    expect(await done).toMatchObject([{ job: { id }, settlement: { kind: 'completed', result: 'late' } }])
    expect(await effects()).toEqual(['late'])
  })

  it('gives its serial key to the next job', async () => {
    const order: unknown[] = []
    const runner = await app.run({
      work: async (payload, ctx) => {
        order.push(payload)
        await work(ctx, String(payload))
      },
    })
    const done = settled(runner, 3)
    await app.kong.addJobs(
      [1, 2, 3].map((payload) => ({ task: 'work', payload, serialKey: 'one at a time' })),
    )
    await done
    expect(order).toEqual([1, 2, 3])
    expect(await app.query('select key from kongtask.serial_keys where job_id is not null')).toEqual([])
  })
})

describe('a handler whose lease is gone', () => {
  it('cannot complete, and its transaction cannot commit although it catches the error', async () => {
    const caught: unknown[] = []
    const started = deferred()
    const robbed = deferred()
    const runner = await app.run({
      work: async (_, { withTransaction, complete }) => {
        started.resolve()
        await robbed.promise
        await withTransaction(async (tx) => {
          await tx.query(`insert into effects values ('of a ghost')`)
          await complete(tx).catch((error: unknown) => caught.push(error))
        })
      },
    })
    const lost = once(runner, 'job.lost')
    const { id } = await app.kong.addJob('work')
    await started.promise
    // As a rescue does it, and a claim behind it.
    await app.query('update kongtask.jobs set worker = 4711, claim = 1')
    robbed.resolve()
    expect((await lost).job.id).toBe(id)
    expect(caught).toMatchObject([{ code: 'KT_LEASE_LOST' }])
    expect(caught[0]).toBeInstanceOf(LeaseLostError)
    expect(caught[0]).toBeInstanceOf(KongTaskError)
    expect(await effects()).toEqual([])
    expect(await app.query('select worker from kongtask.jobs')).toEqual([{ worker: 4711 }])
  })

  it('cannot complete when it has ended, either', async () => {
    const late = deferred<JobContext>()
    const runner = await app.run({
      work: (_, ctx) => {
        late.resolve(ctx)
        throw new Error('ended')
      },
    })
    const done = settled(runner, 1)
    await app.kong.addJob('work')
    const ctx = await late.promise
    await done
    await expect(work(ctx, 'too late')).rejects.toMatchObject({ code: 'KT_LEASE_LOST' })
    expect(await effects()).toEqual([])
  })
})

describe('a transaction that holds a job', () => {
  it('may not idle for longer than a lease; then the job is still there, and runs again', async () => {
    let attempts = 0
    const runner = await app.run(
      {
        work: async (_, ctx) => {
          attempts += 1
          if (attempts > 1) return work(ctx, 'second')
          return ctx.withTransaction(async (tx) => {
            await tx.query(`insert into effects values ('first')`)
            await ctx.complete(tx)
            expect((await tx.query('show idle_in_transaction_session_timeout')).rows).toEqual([
              { idle_in_transaction_session_timeout: '15s' },
            ])
            // As if that time had passed.
            const { rows } = await tx.query<{ pid: number }>('select pg_backend_pid() as pid')
            await app.asAdmin(`select pg_terminate_backend(${rows[0]?.pid})`)
          })
        },
      },
      { pollInterval: 50 },
    )
    const done = once(runner, 'job.settled', ({ settlement }) => settlement.kind === 'completed')
    await app.kong.addJob('work', {}, { timeout: '20s' })
    await app.query(`select 1`)
    const failed = once(runner, 'job.failed')
    await failed
    await app.query('update kongtask.jobs set run_at = now()')
    await done
    expect(await effects()).toEqual(['second'])
  })

  it('keeps a shorter limit of its own', async () => {
    const shown: unknown[] = []
    const runner = await app.run({
      work: (_, { withTransaction, complete }) =>
        withTransaction(async (tx) => {
          await tx.query(`set local idle_in_transaction_session_timeout = '3s'`)
          await complete(tx)
          shown.push(...(await tx.query('show idle_in_transaction_session_timeout')).rows)
        }),
    })
    const done = settled(runner, 1)
    await app.kong.addJob('work')
    await done
    expect(shown).toEqual([{ idle_in_transaction_session_timeout: '3s' }])
  })
})
