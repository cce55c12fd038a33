import { expect, it } from 'vitest'
import { eventually } from '../support/wait.ts'
import { once, useJourney } from './journey.ts'
import { WorkerProcess } from './worker.ts'

const app = useJourney()

/** Longer than any test may take: whoever dies is missed by its session. Milliseconds. */
const LEASE = 600_000

/** Starts a worker, lets it begin so many jobs, kills it, and waits until its jobs were taken back. */
async function killWith(jobs: number): Promise<readonly (string | undefined)[]> {
  const worker = new WorkerProcess({
    connectionString: app.database.directConnectionString,
    leaseDuration: LEASE,
    concurrency: 3,
  })
  const started = await worker.reports('started', jobs)
  await eventually(async () =>
    expect(await app.query('select from kongtask.workers where session is not null')).toHaveLength(1),
  )
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
