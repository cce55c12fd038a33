// The clock on the wall of a worker's machine is put forward or back while it works; the database's is not. Time passes
// as before: timers and performance.now() know nothing of it.
import { defineTask, fixed, handle } from 'kongtask'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { deferred, eventually } from '../support/wait.ts'
import { once, settled, useJourney } from './journey.ts'

const app = useJourney()
const HOUR = 3_600_000

beforeEach(() => vi.useFakeTimers({ toFake: ['Date'] }))
afterEach(async () => {
  await app.stopRunners()
  vi.useRealTimers()
})

describe.each([
  ['forward', 5 * HOUR],
  ['back', -5 * HOUR],
])("a worker's clock that is put %s by hours", (_, by) => {
  const jump = (): unknown => vi.setSystemTime(Date.now() + by)
  /** How far a job's time is ahead of the database's clock, in minutes. */
  const minutesAhead = async (id: string): Promise<number> => {
    const [row] = await app.query(
      `select extract(epoch from run_at - clock_timestamp()) / 60 as minutes from kongtask.jobs where id = $1`,
      [id],
    )
    return Number(row?.['minutes'])
  }

  it('costs no lease and no timeout: what runs meanwhile is completed at its first attempt', async () => {
    const task = defineTask('work', { timeout: '1h' })
    const [started, gate] = [deferred(), deferred()]
    const runner = await app.run(
      [
        handle(task, async (_payload, { signal }) => {
          started.resolve()
          await gate.promise
          return signal.aborted ? 'aborted' : 'undisturbed'
        }),
      ],
      { leaseDuration: '5s', heartbeatInterval: 100 },
    )
    const lost: unknown[] = []
    runner.on('worker.lease_lost', (event) => lost.push(event))
    runner.on('worker.rescued', (event) => lost.push(event))
    const { id } = await app.kong.addJob('work')
    await started.promise
    jump()
    // It is alive, in the database's eyes and its own.
    await expectHeartbeats(3)
    const done = settled(runner, 1)
    gate.resolve()
    expect(await done).toMatchObject([{ settlement: { kind: 'completed', result: 'undisturbed' } }])
    expect(await app.job(id)).toMatchObject({ state: 'completed', attempt: 1 })
    expect(lost).toEqual([])
  })

  it('moves no retry: the back-off is counted by the database', async () => {
    const task = defineTask('work', { backoff: fixed('10m', { jitter: 0 }) })
    const runner = await app.run([
      handle(task, (_payload, { job }) => {
        if (job.attempt > 1) return 'at last'
        jump()
        throw new Error('not yet')
      }),
    ])
    const failed = once(runner, 'job.settled')
    const { id } = await app.kong.addJob('work')
    await failed
    const minutes = await minutesAhead(id)
    expect(minutes).toBeGreaterThan(8)
    expect(minutes).toBeLessThanOrEqual(10)
    const done = settled(runner, 1)
    await app.kong.jobs.runNow(id)
    expect(await done).toMatchObject([{ settlement: { result: 'at last' } }])
  })

  it('moves nothing that is added for later, and what falls due runs', async () => {
    const runner = await app.run({ work: () => undefined })
    jump()
    const later = await app.kong.addJob('work', {}, { scheduledIn: '10m' })
    const minutes = await minutesAhead(later.id)
    expect(minutes).toBeGreaterThan(8)
    expect(minutes).toBeLessThanOrEqual(10)
    const done = settled(runner, 2)
    const soon = await app.kong.addJob('work', {}, { scheduledIn: 200 })
    const now = await app.kong.addJob('work')
    const ids = (await done).map(({ job }) => job.id)
    expect(ids.toSorted()).toEqual([soon.id, now.id].toSorted())
    expect(await app.job(later.id)).toMatchObject({ state: 'scheduled' })
  })
})

async function expectHeartbeats(count: number): Promise<void> {
  const heard = new Set<unknown>()
  await eventually(async () => {
    const [row] = await app.query('select heartbeat_at::text as at, rescued_at from kongtask.workers')
    expect(row).toMatchObject({ rescued_at: null })
    heard.add(row?.['at'])
    expect(heard.size).toBeGreaterThan(count)
  })
}
