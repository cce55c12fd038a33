import { defineTask, handle, type JobContext } from 'kongtask'
import { crashAt, createTestKongTask } from 'kongtask/testing'
import { describe, expect, it, vi } from 'vitest'
import { z } from 'zod'

const order = defineTask('order', { payload: z.object({ id: z.number() }) })
const nothing = (): Promise<void> => Promise.resolve()

describe('crashAt', () => {
  it('finds an effect that a crash behind it doubles, and says where', async () => {
    const report = await crashAt(
      ({ dependency }) => {
        const [charge, mail] = [dependency('charge', nothing), dependency('mail', nothing)]
        return handle(order, async () => {
          await charge()
          await mail()
        })
      },
      { id: 1 },
    )
    expect(report.moments).toEqual([
      'before charge (1)',
      'behind charge (2)',
      'before mail (3)',
      'behind mail (4)',
    ])
    expect(report.doubled).toEqual([
      { effect: 'charge', moment: 'behind charge (2)', times: 2, expected: 1 },
      { effect: 'charge', moment: 'before mail (3)', times: 2, expected: 1 },
      { effect: 'charge', moment: 'behind mail (4)', times: 2, expected: 1 },
      { effect: 'mail', moment: 'behind mail (4)', times: 2, expected: 1 },
    ])
    expect(() => report.expectSafe()).toThrow('charge: 2 times instead of 1, after a crash behind charge (2)')
  })

  it('has nothing to say of steps, of jobs with a key, and of what is done once in the end', async () => {
    const report = await crashAt(
      ({ dependency }) => {
        const charge = dependency('charge', () => Promise.resolve('ch_1'))
        return handle(order, async ({ id }, { step, addJob }) => {
          await step('charge', charge)
          await addJob('receipt', { id }, { uniqueKey: `receipt-${id}`, uniqueFor: '1d' })
        })
      },
      { id: 1 },
    )
    expect(report.moments).toHaveLength(4)
    expect(() => report.expectSafe()).not.toThrow()
  })

  it('lets processes die within steps where that is asked for', async () => {
    const report = await crashAt(
      ({ dependency }) => handle(order, (_, { step }) => step('charge', dependency('charge', nothing))),
      { id: 1 },
      { withinSteps: true },
    )
    expect(report.doubled).toEqual([{ effect: 'charge', moment: 'behind charge (3)', times: 2, expected: 1 }])
  })

  it('goes on behind a sleep as the worker does', async () => {
    const report = await crashAt(
      ({ effect }) =>
        handle(order, async (_, { step, sleep }) => {
          await step('before', () => effect('before'))
          await sleep('3d')
          await step('behind', () => effect('behind'))
        }),
      { id: 1 },
    )
    expect(report.doubled).toEqual([])
    expect(report.lost).toEqual([])
    expect(report.moments.length).toBeGreaterThan(4)
  })

  it('finds what is taken for done before it was', async () => {
    const report = await crashAt(
      ({ dependency }) => {
        const mail = dependency('mail', nothing)
        return handle(order, async (_, { step }) => {
          const isFirst = await step('mark', () => true)
          void isFirst
          const marks = await step('marked', () => seen.add('x').size)
          if (marks === 1 && !sent.has('x')) {
            sent.add('x')
            await mail()
          }
        })
      },
      { id: 1 },
      { before: () => (seen.clear(), sent.clear()) },
    )
    expect(report.lost).toEqual([{ effect: 'mail', moment: 'before mail (5)', times: 0, expected: 1 }])
  })

  it('counts what a transaction holds once it commits, and a job that completes in it runs once', async () => {
    await using kong = await createTestKongTask()
    await kong.pool.query('create table accounts (cents int)')
    await kong.pool.query('create table log (line text)')
    const before = async (): Promise<void> => void (await kong.pool.query('truncate accounts, log'))
    const safe = await crashAt(
      () =>
        handle(order, (_, ctx) =>
          ctx.withTransaction(async (tx) => {
            await tx.query('insert into accounts values (1)')
            await ctx.with(tx).addJob('receipt')
            await ctx.complete(tx)
          }),
        ),
      { id: 1 },
      { db: kong, before },
    )
    safe.expectSafe()
    expect(safe.moments.map((moment) => moment.replace(/ \(\d+\)$/, ''))).toEqual([
      'before connect',
      'before begin',
      'behind begin',
      'before insert into accounts values (1)',
      'behind insert into accounts values (1)',
      'before addJob receipt',
      'behind addJob receipt',
      'before complete',
      'behind complete',
      'before commit',
      'behind commit',
    ])
    expect((await kong.pool.query('select from accounts')).rowCount).toBe(1)
    const careless = await crashAt(
      () =>
        handle(order, async (_, ctx) => {
          await ctx.withTransaction((tx) => tx.query('insert into accounts values (1)'))
          await ctx.pool.query(`insert into log values ('done')`)
        }),
      { id: 1 },
      { db: kong, before },
    )
    const found = new Set(careless.doubled.map(({ effect }) => effect))
    expect([...found].toSorted()).toEqual(['row of accounts', 'row of log'])
  })

  it('goes by what a transaction came to, and not by what was asked of it', async () => {
    await using kong = await createTestKongTask()
    await kong.pool.query('create table accounts (cents int check (cents > 0))')
    const before = async (): Promise<void> => void (await kong.pool.query('truncate accounts'))
    const doubled = async (statements: readonly string[]): Promise<string[]> => {
      const work = async (_: unknown, { pool }: JobContext): Promise<void> => {
        const tx = await pool.connect()
        for (const statement of statements) await tx.query(statement).catch(() => undefined)
        tx.release()
      }
      const report = await crashAt(() => handle(order, work), { id: 1 }, { db: kong, before })
      return [...new Set(report.doubled.map(({ effect }) => effect))]
    }
    const [insert, failing] = ['insert into accounts values (1)', 'insert into accounts values (-1)']
    expect(
      await doubled(['begin', insert, 'savepoint s', failing, 'rollback to savepoint s', 'commit']),
    ).toEqual(['row of accounts'])
    expect(await doubled(['begin', insert, failing, 'commit'])).toEqual([])
  })

  it('gives back a connection that comes when its process has died of something else', async () => {
    let open = 0
    const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
    const answer = { rows: [], rowCount: 0 }
    const db = {
      query: () => Promise.resolve(answer),
      connect: async () => {
        await turn()
        open += 1
        return {
          query: () => Promise.resolve(answer),
          release: () => {
            open -= 1
          },
        }
      },
    }
    const { moments } = await crashAt(
      ({ dependency }) => {
        const mail = dependency('mail', nothing)
        return handle(order, async (_, { withTransaction }) => {
          await Promise.all([withTransaction(nothing), mail()])
        })
      },
      { id: 1 },
      { db },
    )
    expect(moments.slice(0, 2)).toEqual(['before connect (1)', 'before mail (2)'])
    await turn()
    expect(open).toBe(0)
  })

  it('leaves no timer of a process that died', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const slow = defineTask('slow', { timeout: '1h' })
      await crashAt(({ dependency }) => {
        const mail = dependency('mail', nothing)
        return handle(slow, () => mail())
      })
      expect(vi.getTimerCount()).toBe(0)
    } finally {
      vi.useRealTimers()
    }
  })

  it('wants a handler that ends well by itself', async () => {
    const broken = crashAt(() => handle(order, () => Promise.reject(new Error('no'))), { id: 1 })
    await expect(broken).rejects.toMatchObject({ code: 'KT_TEST_CRASH', cause: { message: 'no' } })
  })
})

const seen = new Set<string>()
const sent = new Set<string>()
