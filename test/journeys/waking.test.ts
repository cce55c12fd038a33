import { defineTask, fixed, handle } from 'kongtask'
import { describe, expect, it } from 'vitest'
import { eventually } from '../support/wait.ts'
import { once, settled, useJourney } from './journey.ts'

// Runners of these tests look once an hour: what runs was heard of, or had a due time.
const app = useJourney()

const listeners = (): Promise<number[]> => app.backends('kongtask listener')

describe('a runner that looks once an hour', () => {
  it('hears of a job that is added while it is idle', async () => {
    const runner = await app.run({ work: () => undefined })
    for (let n = 0; n < 5; n++) {
      const done = settled(runner, 1)
      const { id } = await app.kong.addJob('work')
      expect(await done).toMatchObject([{ job: { id } }])
    }
  })

  it('hears of a job that is added in a transaction when that commits', async () => {
    const runner = await app.run({ work: () => undefined }, { queues: { default: 1 } })
    const client = await app.database.pool.connect()
    const done = settled(runner, 1)
    await client.query('begin')
    const { id } = await app.kong.with(client).addJob('work')
    await client.query('commit')
    client.release()
    expect(await done).toMatchObject([{ job: { id } }])
  })

  it('runs a scheduled job when it falls due', async () => {
    const runner = await app.run({ work: () => undefined })
    const done = settled(runner, 1)
    const { id } = await app.kong.addJob('work', {}, { scheduledIn: 150 })
    expect(await done).toMatchObject([{ job: { id } }])
    const { scheduledAt, finishedAt } = await app.job(id)
    expect(finishedAt?.getTime()).toBeGreaterThanOrEqual(scheduledAt.getTime())
  })

  it('runs a job that was scheduled before it started', async () => {
    const { id } = await app.kong.addJob('work', {}, { scheduledIn: 300 })
    const runner = await app.run({ work: () => undefined }, { queues: { default: 1, other: 1 } })
    expect(await settled(runner, 1)).toMatchObject([{ job: { id } }])
  })

  it('runs the retry of a job that another runner failed', async () => {
    const task = defineTask('work', { backoff: fixed(100) })
    const failing = await app.run([
      handle(task, () => {
        throw new Error('not me')
      }),
    ])
    const failed = once(failing, 'job.failed')
    await app.kong.addJob('work')
    const stopped = failed.then(() => failing.stop())
    const heir = await app.run({ other: () => undefined })
    await stopped
    await heir.stop()
    const runner = await app.run([handle(task, () => 'done')])
    expect(await once(runner, 'job.settled')).toMatchObject({ settlement: { kind: 'completed' } })
  })
})

describe('a listener whose connection is ended', () => {
  it('comes back by itself', async () => {
    const runner = await app.run({ work: () => undefined })
    const [pid] = await eventually(async () => {
      const pids = await listeners()
      expect(pids).toHaveLength(1)
      return pids
    })
    const noticed = once(runner, 'worker.weather', ({ doing }) => doing === 'listen for new jobs')
    await app.query('select pg_terminate_backend($1)', [pid])
    await noticed
    await eventually(async () => {
      const pids = await listeners()
      expect(pids).toHaveLength(1)
      expect(pids).not.toContain(pid)
    })
    const done = settled(runner, 1)
    await app.kong.addJob('work')
    await done
  })

  it('does not miss what was added in between', async () => {
    const runner = await app.run({ work: () => undefined })
    const [pid] = await eventually(async () => {
      const pids = await listeners()
      expect(pids).toHaveLength(1)
      return pids
    })
    const done = settled(runner, 1)
    const client = await app.database.pool.connect()
    await client.query('begin')
    await app.kong.with(client).addJob('work')
    await client.query('select pg_terminate_backend($1)', [pid])
    // The listener is gone, or about to go, when this is heard.
    await client.query('commit')
    client.release()
    await done
  })

  it('and that cannot come back leaves the work to polling', async () => {
    const runner = await app.run({ work: () => undefined }, { pollInterval: 50 })
    const [pid] = await eventually(async () => {
      const pids = await listeners()
      expect(pids).toHaveLength(1)
      return pids
    })
    const warm = settled(runner, 1)
    await app.kong.addJob('work')
    await warm
    const { name } = app.database
    // From another database: nobody new gets in, who is in stays.
    await app.asAdmin(`alter database ${name} with allow_connections false`)
    try {
      await app.query('select pg_terminate_backend($1)', [pid])
      await eventually(async () => expect(await listeners()).toEqual([]))
      const done = settled(runner, 3)
      await app.kong.addJobs([{ task: 'work' }, { task: 'work' }, { task: 'work' }])
      await done
    } finally {
      await app.asAdmin(`alter database ${name} with allow_connections true`)
    }
  })
})
