import { expect, it } from 'vitest'
import { eventually } from '../support/wait.ts'
import { once, useJourney } from './journey.ts'
import { WorkerProcess, type WorkerOptions } from './worker.ts'

const app = useJourney()

/** Longer than any test may take: whoever dies is missed by its session. Milliseconds. */
const LEASE = 600_000

function options(): WorkerOptions {
  return { connectionString: app.database.directConnectionString, leaseDuration: LEASE, concurrency: 3 }
}

/** Its death would be missed at once. */
async function isSeen(): Promise<void> {
  await eventually(async () =>
    expect(await app.query('select from kongtask.workers where session is not null')).toHaveLength(1),
  )
}

/** Starts a worker, lets it begin so many jobs, kills it, and waits until its jobs were taken back. */
async function killWith(jobs: number): Promise<readonly (string | undefined)[]> {
  const worker = new WorkerProcess(options())
  const started = await worker.reports('started', jobs)
  await isSeen()
  const witness = await app.run({}, { leaseDuration: LEASE })
  const rescued = once(witness, 'worker.rescued')
  worker.kill('SIGKILL')
  await rescued
  await witness.stop()
  return started.map(({ id }) => id)
}

it('a job that kills its process is found, and one that ran beside it is never buried', async () => {
  const [pill, bystander] = await app.kong.addJobs([{ task: 'work' }, { task: 'work' }])
  for (let crash = 0; crash < 2; crash++) expect(await killWith(2)).toHaveLength(2)
  // From now on each runs alone.
  expect(await killWith(1)).toEqual([pill?.id])
  expect(await app.job(pill?.id ?? '')).toMatchObject({
    state: 'dead',
    errors: [{ code: 'KT_POISON_PILL' }],
  })
  const runner = await app.run({ work: () => 'unharmed' }, { leaseDuration: LEASE })
  await once(runner, 'job.settled')
  expect(await app.job(bystander?.id ?? '')).toMatchObject({
    state: 'completed',
    result: 'unharmed',
    attempt: 1,
  })
}, 60_000)

it('a job that completed alone is not taken for the one behind it, of which its process dies at once', async () => {
  const worker = new WorkerProcess(options(), 'poison-pill-process.ts')
  await isSeen()
  const witness = await app.run({}, { leaseDuration: LEASE })
  const rescued = once(witness, 'worker.rescued')
  const client = await app.database.pool.connect()
  await client.query('begin')
  const [suspect, pill] = await app.kong.with(client).addJobs([
    { task: 'work', priority: 0 },
    { task: 'exit', priority: 1 },
  ])
  // Its processes died twice while it was there.
  await client.query('update kongtask.jobs set crashes = 2 where id = $1', [suspect?.id])
  await client.query('commit')
  client.release()
  expect(await worker.ended).toBe(9)
  await rescued
  await eventually(() =>
    expect(worker.seen.filter(({ what }) => what === 'started')).toMatchObject([
      { id: suspect?.id },
      { id: pill?.id },
    ]),
  )
  expect(await app.job(suspect?.id ?? '')).toMatchObject({ state: 'completed', result: 'unharmed' })
  expect(await app.query('select id::text, crashes from kongtask.jobs')).toEqual([
    { id: pill?.id, crashes: 1 },
  ])
}, 60_000)

it('a job that runs alone is not taken for a killer where its process is told to stop, and killed because it takes too long', async () => {
  const { id } = await app.kong.addJob('work')
  await app.query('update kongtask.jobs set crashes = 2')
  const worker = new WorkerProcess({ ...options(), handleSignals: true, gracePeriod: LEASE })
  await worker.reports('started')
  await isSeen()
  const alone = (): Promise<unknown> => app.query('select alone::text from kongtask.workers')
  expect(await alone()).toEqual([{ alone: id }])
  worker.kill('SIGTERM')
  await eventually(async () => expect(await alone()).toEqual([{ alone: null }]))
  const witness = await app.run({}, { leaseDuration: LEASE })
  const rescued = once(witness, 'worker.rescued')
  worker.kill('SIGKILL')
  await rescued
  expect(await app.job(id)).toMatchObject({ state: 'ready', attempt: 0 })
  expect(await app.query('select crashes from kongtask.jobs')).toEqual([{ crashes: 3 }])
}, 60_000)
