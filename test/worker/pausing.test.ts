import { describe, expect, it } from 'vitest'
import { useStore } from '../store/fixture.ts'
import { deferred, eventually } from '../support/wait.ts'
import { Bench, heldClaims } from './bench.ts'

const db = useStore()

const unclaimed = { worker: 0, attempt: 0 }

const pauses: readonly (readonly [what: string, pause: () => Promise<void>])[] = [
  ['queue', () => db.store.pauseQueue('default')],
  ['task', () => db.store.pauseTask('work')],
]

describe.each(pauses)('a %s that is paused', (_, pause) => {
  it('while a claim that did not see it is on its way starts none of its jobs', async () => {
    const ids = await db.add({}, {}, {})
    const { claimed, answer, verbs } = heldClaims()
    const started: string[] = []
    await using bench = await Bench.start(
      db,
      { work: (_payload, { job }) => void started.push(job.id) },
      { verbs },
    )
    bench.worker.start()
    await claimed.promise
    expect(await db.value('select count(*)::int from kongtask.jobs where worker <> 0')).toBe(3)
    await pause()
    await bench.lease.beat()
    const ends = Promise.all(ids.map((id) => bench.once('job.settled', ({ job }) => job.id === id)))
    answer.resolve()
    expect(new Set((await ends).map(({ settlement }) => settlement.kind))).toEqual(new Set(['released']))
    expect(started).toEqual([])
    expect(await db.query('select worker, attempt from kongtask.jobs')).toEqual([
      unclaimed,
      unclaimed,
      unclaimed,
    ])
  })

  it('takes out of the memory of processes what waits there', async () => {
    const [blocked, gate] = [deferred(), deferred()]
    let count = 0
    await db.add(...Array.from({ length: 600 }, () => ({})))
    await using bench = await Bench.start(
      db,
      {
        // Quick at first, so that jobs are claimed ahead; then one holds up all that wait behind it.
        work: async () => {
          count += 1
          if (count < 300) return
          blocked.resolve()
          await gate.promise
        },
      },
      { concurrency: 1 },
    )
    bench.worker.start()
    await blocked.promise
    const held = (): Promise<unknown> => db.value('select count(*)::int from kongtask.jobs where worker <> 0')
    await eventually(async () => expect(await db.value('select count(*)::int from kongtask.jobs')).toBe(301))
    expect(await held()).toBeGreaterThan(1)
    await pause()
    await bench.lease.beat()
    await eventually(async () => expect(await held()).toBe(1))
    gate.resolve()
    await eventually(async () => expect(await db.value('select count(*)::int from kongtask.jobs')).toBe(300))
    expect(count).toBe(300)
  })

  it('lets what runs go on, and nothing of it is claimed any more', async () => {
    const [running, gate, empty] = [deferred(), deferred(), deferred()]
    const [first = ''] = await db.add({})
    await using bench = await Bench.start(
      db,
      {
        work: async () => {
          running.resolve()
          await gate.promise
        },
      },
      {
        concurrency: 1,
        verbs: (store) => ({
          claimJobs: async (request) => {
            const claimed = await store.claimJobs(request)
            if (claimed.jobs.length === 0) empty.resolve()
            return claimed
          },
        }),
      },
    )
    bench.worker.start()
    await running.promise
    await db.add({}, {})
    await pause()
    const done = bench.once('job.settled', ({ job }) => job.id === first)
    gate.resolve()
    expect(await done).toMatchObject({ settlement: { kind: 'completed' } })
    await empty.promise
    expect(await db.query('select worker, attempt from kongtask.jobs')).toEqual([unclaimed, unclaimed])
  })
})
