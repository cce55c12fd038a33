import { describe, expect, it } from 'vitest'
import { deferred, eventually } from '../support/wait.ts'
import { once, settled, useJourney } from './journey.ts'
import { WorkerProcess } from './worker.ts'

const app = useJourney()

/** Longer than any test may take: nothing here is owed to its end. Milliseconds. */
const LEASE = 600_000

const sessions = (): Promise<readonly Record<string, unknown>[]> =>
  app.query('select id, session from kongtask.workers where session is not null')

async function startListening(): Promise<WorkerProcess> {
  const worker = new WorkerProcess({
    connectionString: app.database.directConnectionString,
    leaseDuration: LEASE,
    concurrency: 3,
  })
  await worker.reports('started', 3)
  await eventually(async () => expect(await sessions()).toHaveLength(1))
  return worker
}

describe('a worker that is killed with kill -9', () => {
  it('has its jobs run elsewhere long before its lease is over', async () => {
    await app.kong.addJobs([{ task: 'work' }, { task: 'work' }, { task: 'work' }])
    const victim = await startListening()
    const heir = await app.run({ work: () => 'by the heir' }, { leaseDuration: LEASE })
    const done = settled(heir, 3)
    const rescued = once(heir, 'worker.rescued')
    victim.kill('SIGKILL')
    expect(await rescued).toEqual({ workers: 1, jobs: 3 })
    await done
    expect(await app.states()).toEqual({ completed: 3 })
    expect(await app.query('select distinct crashes from kongtask.history')).toEqual([{ crashes: 1 }])
  })

  it('has its jobs run by the one that is started in its place', async () => {
    await app.kong.addJobs([{ task: 'work' }, { task: 'work' }, { task: 'work' }])
    const victim = await startListening()
    victim.kill('SIGKILL')
    await victim.ended
    const heir = await app.run({ work: () => 'by the heir' }, { leaseDuration: LEASE })
    await settled(heir, 3)
    expect(await app.states()).toEqual({ completed: 3 })
  })
})

describe('a worker that lives', () => {
  it('keeps its jobs where it loses the connection by which others see it', async () => {
    const [started, gate] = [deferred(), deferred()]
    const runner = await app.run(
      {
        work: async () => {
          started.resolve()
          await gate.promise
          return 'undisturbed'
        },
      },
      { leaseDuration: LEASE },
    )
    const { id } = await app.kong.addJob('work')
    await started.promise
    await eventually(async () => expect(await sessions()).toHaveLength(1))
    const [before] = await sessions()
    await app.query(
      `select pg_terminate_backend((session ->> 'pid')::int4) from kongtask.workers where session is not null`,
    )
    await eventually(async () => {
      const [now] = await sessions()
      expect(now?.['id']).toBe(before?.['id'])
      expect(now?.['session']).not.toEqual(before?.['session'])
    })
    expect(await app.query('select worker from kongtask.absent_workers()')).toEqual([])
    const done = settled(runner, 1)
    gate.resolve()
    await done
    expect(await app.job(id)).toMatchObject({ state: 'completed', result: 'undisturbed', attempt: 1 })
  })

  it('says at once that nobody sees it any more', async () => {
    const runner = await app.run({ work: () => undefined }, { leaseDuration: LEASE })
    await eventually(async () => expect(await sessions()).toHaveLength(1))
    const [before] = await sessions()
    // From now on it gets no new connection.
    const lock = `alter database "${app.database.name}" with allow_connections`
    await app.asAdmin(`${lock} false`)
    try {
      await app.query(
        `select pg_terminate_backend((session ->> 'pid')::int4) from kongtask.workers where session is not null`,
      )
      // It is there still: nobody has taken it for dead meanwhile.
      await eventually(async () =>
        expect(await app.query('select id, session from kongtask.workers')).toEqual([
          { id: before?.['id'], session: null },
        ]),
      )
    } finally {
      await app.asAdmin(`${lock} true`)
    }
    await eventually(async () => expect(await sessions()).toHaveLength(1), { within: 20_000 })
    await runner.stop()
  })
})
