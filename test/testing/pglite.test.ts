import { AsyncResource } from 'node:async_hooks'
import { defineTask, handle } from 'kongtask'
import { createTestKongTask } from 'kongtask/testing'
import { describe, expect, it } from 'vitest'
import { silent } from '../journeys/journey-logger.ts'

describe('on the one session of PGlite', () => {
  it('what would wait for its own transaction is refused, with a way out', async () => {
    const errors: unknown[] = []
    const caught = (error: unknown): void => void errors.push(error)
    await using kong = await createTestKongTask({
      logger: silent,
      tasks: {
        work: async (_, ctx) => {
          await ctx.withTransaction(async (tx) => {
            await ctx.addJob('other').catch(caught)
            await ctx.step('step', () => 1).catch(caught)
            await ctx.pool.query('select 1').catch(caught)
            await ctx.with(tx).addJob('other', { n: 1 })
          })
          await ctx.addJob('other', { n: 2 })
          const own = await ctx.pool.connect()
          await own.query('begin')
          await ctx.addJob('other').catch(caught)
          await own.query('rollback')
          own.release()
        },
      },
    })
    const { id } = await kong.addJob('work')
    await kong.drain()
    expect(await kong.jobs.get(id)).toMatchObject({ state: 'completed' })
    expect(errors).toHaveLength(4)
    for (const error of errors) expect(error).toMatchObject({ code: 'KT_TEST_SESSION' })
    const { jobs } = await kong.jobs.list({ task: 'other' })
    expect(jobs.map(({ payload }) => payload)).toEqual([{ n: 2 }, { n: 1 }])
  })

  it('others wait for a transaction and go on behind it', async () => {
    await using kong = await createTestKongTask()
    await kong.pool.query('create table t (n int)')
    const elsewhere = new AsyncResource('elsewhere')
    const tx = await kong.pool.connect()
    await tx.query('begin')
    const seen: string[] = []
    const added = elsewhere.runInAsyncScope(() => kong.addJob('work')).then(() => seen.push('added'))
    await tx.query('insert into t values (1)')
    await tx.query('insert into t values (2)')
    seen.push('written')
    await tx.query('commit')
    tx.release()
    await added
    expect(seen).toEqual(['written', 'added'])
  })

  it('a connection that was never given back does not stay in the way of the next kit', async () => {
    {
      await using kong = await createTestKongTask()
      const tx = await kong.pool.connect()
      await tx.query('begin')
      await tx.query('create table left_behind (n int)')
    }
    await using kong = await createTestKongTask()
    await expect(kong.pool.query('select from left_behind')).rejects.toMatchObject({ code: '42P01' })
  })

  it('a transaction that was left open keeps neither the time nor the database', async () => {
    const realDate = Date
    {
      await using kong = await createTestKongTask({ tasks: { work: () => 1 }, logger: silent })
      await kong.pool.query(`set kit.mark = 'mine'`)
      await kong.addJob('work')
      await kong.drain()
      await kong.clock.advance('1d')
      const tx = await kong.pool.connect()
      await tx.query('begin')
    }
    expect(Date).toBe(realDate)
    await using kong = await createTestKongTask()
    const { rows } = await kong.pool.query(`select current_setting('kit.mark', true) as mark`)
    expect(rows).toEqual([{ mark: 'mine' }])
  })

  it('what a kit has registered is not there for the next one', async () => {
    const slow = defineTask('slow', { queue: 'slow', maxAttempts: 3 })
    {
      await using kong = await createTestKongTask({ tasks: [handle(slow, () => 1)] })
      await kong.addJob(slow)
      await kong.drain()
    }
    await using kong = await createTestKongTask()
    await kong.addJob('slow')
    expect(await kong.expectJob('slow')).toMatchObject({ queue: 'default', maxAttempts: 25 })
    expect((await kong.queues.list()).map(({ name }) => name)).toEqual(['default'])
    expect((await kong.workers.list()).length).toBe(0)
  })

  it('schedules come round as time moves', async () => {
    const ticks: Date[] = []
    await using kong = await createTestKongTask({
      tasks: [
        { name: 'hourly', schedule: () => '0 * * * *', handle: (_, { job }) => ticks.push(job.scheduledAt) },
      ],
    })
    await kong.clock.advance('1h')
    await kong.drain()
    expect(ticks).toHaveLength(1)
    await kong.drain({ until: () => ticks.length === 3 })
    expect(ticks).toHaveLength(3)
  })

  it('a transaction whose connection is thrown away is rolled back', async () => {
    await using kong = await createTestKongTask()
    await kong.pool.query('create table t (n int)')
    const tx = await kong.pool.connect()
    await tx.query('begin')
    await tx.query('insert into t values (1)')
    tx.release(true)
    expect((await kong.pool.query('select from t')).rowCount).toBe(0)
  })

  it('two kits of one process have a database and a time each', async () => {
    await using one = await createTestKongTask({ tasks: { work: () => Date.now() } })
    await using two = await createTestKongTask({ tasks: { work: () => Date.now() } })
    await one.clock.advance('1d')
    await two.clock.advance('3d')
    await one.addJob('work')
    await two.addJob('work')
    await one.drain()
    await two.drain()
    const [first, second] = [await one.expectJob('work'), await two.expectJob('work')]
    expect(Math.round((Number(second.result) - Number(first.result)) / 86_400_000)).toBe(2)
    expect((await one.jobs.list()).jobs).toHaveLength(1)
  })
})
