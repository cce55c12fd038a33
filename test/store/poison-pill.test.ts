import { afterEach, expect, it } from 'vitest'
import { type FixtureWorker, useStore } from './fixture.ts'
import { completed, Connections, released, settle } from './keyed.ts'

const db = useStore()
const connections = new Connections(db)
afterEach(() => connections.close())

/** It falls silent. */
async function fallSilent({ number }: FixtureWorker): Promise<void> {
  await db.query(
    `update kongtask.workers set expires_at = clock_timestamp() - interval '1 s' where id = $1`,
    [number],
  )
}

/** And somebody finds out. */
async function die(worker: FixtureWorker): Promise<{ workers: number; jobs: number }> {
  await fallSilent(worker)
  return db.store.rescueWorkers()
}

const runAlone = (worker: FixtureWorker, id: string, claim: number): Promise<boolean> =>
  db.store.runAlone(worker.registration, { id, claim })

it('a job whose worker dies while it runs alone there is a dead letter, and others go back', async () => {
  const [pill = '', bystander = ''] = await db.add({}, {})
  const worker = await db.worker()
  const jobs = await worker.claim(2)
  await runAlone(worker, pill, jobs.find(({ id }) => id === pill)?.lease.claim ?? 0)
  expect(await die(worker)).toEqual({ workers: 1, jobs: 1 })
  expect(await db.store.readJob(pill)).toMatchObject({
    state: 'dead',
    errors: [{ code: 'KT_POISON_PILL', attempt: 1 }],
  })
  expect(await db.query('select reason, crashes from kongtask.dead_letters')).toEqual([
    { reason: 'crashes', crashes: 1 },
  ])
  expect(await (await db.worker()).claimOne()).toMatchObject({ id: bystander, crashes: 1, attempt: 1 })
  expect(await db.query('select from kongtask.workers where id = $1', [worker.number])).toEqual([])
})

it('lets its serial key go, so that the next one runs', async () => {
  const [pill = '', next = ''] = await db.add({ serialKey: 'k' }, { serialKey: 'k' })
  const worker = await db.worker()
  await runAlone(worker, pill, (await worker.claimOne()).lease.claim)
  await die(worker)
  expect(await (await db.worker()).claimOne()).toMatchObject({ id: next })
})

it('one that ended well and came back to the same worker is not what was said to run alone', async () => {
  const id = await db.addOne()
  const worker = await db.worker()
  const first = await worker.claimOne()
  await runAlone(worker, id, first.lease.claim)
  await settle(db.store, [first], released)
  // As its process does with a claim of which nothing is left.
  await db.query('delete from kongtask.claims where claim = $1', [first.lease.claim])
  await worker.claimOne()
  expect(await die(worker)).toEqual({ workers: 1, jobs: 1 })
  expect(await db.store.readJob(id)).toMatchObject({ state: 'ready' })
})

it('one whose process says that none runs alone any more goes back', async () => {
  const id = await db.addOne()
  const worker = await db.worker()
  expect(await runAlone(worker, id, (await worker.claimOne()).lease.claim)).toBe(true)
  expect(await db.store.runAlone(worker.registration, undefined)).toBe(true)
  expect(await die(worker)).toEqual({ workers: 1, jobs: 1 })
  expect(await db.query('select worker, attempt, crashes from kongtask.jobs')).toEqual([
    { worker: 0, attempt: 0, crashes: 1 },
  ])
  expect(await db.store.readJob(id)).toMatchObject({ state: 'ready' })
})

it('one that was cancelled meanwhile ends as cancelled', async () => {
  const id = await db.addOne()
  const worker = await db.worker()
  await runAlone(worker, id, (await worker.claimOne()).lease.claim)
  const order = { targets: { ids: [id] }, filter: {}, patience: 10_000 }
  await db.store.operateJobs({ kind: 'cancel', reason: 'sold out' }, order)
  await die(worker)
  expect(await db.store.readJob(id)).toMatchObject({ state: 'cancelled' })
})

it('one that somebody has locked waits for the next look', async () => {
  const id = await db.addOne()
  const worker = await db.worker()
  await runAlone(worker, id, (await worker.claimOne()).lease.claim)
  const other = await db.session()
  await other.query('begin')
  await other.query('select from kongtask.jobs where id = $1 for update', [id])
  expect(await die(worker)).toEqual({ workers: 1, jobs: 0 })
  await other.query('commit')
  await db.store.rescueWorkers()
  expect(await db.store.readJob(id)).toMatchObject({ state: 'dead' })
})

it('a worker that was declared dead says nothing any more', async () => {
  const id = await db.addOne()
  const worker = await db.worker()
  const { lease } = await worker.claimOne()
  await db.query('update kongtask.workers set rescued_at = clock_timestamp() where id = $1', [worker.number])
  expect(await runAlone(worker, id, lease.claim)).toBe(false)
  expect(await db.query('select alone from kongtask.workers')).toEqual([{ alone: null }])
})

it('of several workers at once, with different limits, does not deadlock with those who settle', async () => {
  // The gates of a settlement are locked in order, those of a rescue in that of the workers.
  const at = (key: string): { concurrency: { limit: number; key: string } } => ({
    concurrency: { limit: 2, key },
  })
  for (const key of ['z', 'a', 'z', 'a']) await db.addOne(at(key))
  const workers = [await db.worker(), await db.worker()]
  for (const worker of workers) {
    const { id, lease } = await worker.claimOne()
    await runAlone(worker, id, lease.claim)
    await fallSilent(worker)
  }
  const others = await (await db.worker()).claim(2)
  expect(others).toHaveLength(2)
  const [open, settling, rescuing] = [
    await connections.open(),
    await connections.open(),
    await connections.open(),
  ]
  await open.query('begin')
  await open.query(
    `select pg_advisory_xact_lock(kongtask.gate_number(queue_id, min(limits -> 0 ->> 'gate')))
       from kongtask.jobs group by queue_id`,
  )
  const settled = settle(settling.store, others, completed)
  await connections.waits(settling)
  const rescued = rescuing.store.rescueWorkers()
  await connections.waits(rescuing)
  await open.query('commit')
  await settled
  expect(await rescued).toEqual({ workers: 2, jobs: 0 })
  expect(await db.value('select count(*)::int from kongtask.dead_letters')).toBe(2)
})
