import { expect, it } from 'vitest'
import { useStore } from '../store/fixture.ts'
import { Bench, heldClaims } from './bench.ts'

const db = useStore()

it('a job that is cancelled while the claim that took it is on its way does not start', async () => {
  const [cancelled = '', other = ''] = await db.add({}, {})
  const { claimed, answer, verbs } = heldClaims()
  const started: string[] = []
  await using bench = await Bench.start(
    db,
    { work: (_payload, { job }) => void started.push(job.id) },
    { verbs },
  )
  bench.worker.start()
  await claimed.promise
  const order = { targets: { ids: [cancelled] }, filter: {}, patience: 10_000 }
  await db.store.operateJobs({ kind: 'cancel', reason: 'sold out' }, order)
  await bench.lease.beat()
  const ends = Promise.all(
    [cancelled, other].map((id) => bench.once('job.settled', ({ job }) => job.id === id)),
  )
  answer.resolve()
  expect(await ends).toMatchObject([
    { settlement: { kind: 'cancelled', reason: 'sold out' } },
    { settlement: { kind: 'completed' } },
  ])
  expect(started).toEqual([other])
  expect(await db.store.readJob(cancelled)).toMatchObject({ state: 'cancelled' })
})
