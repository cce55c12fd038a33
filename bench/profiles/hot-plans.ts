// The statements that are run all the time, and how PostgreSQL goes about them in a deep queue.
import type { NewJob } from '../../src/core/new-job.ts'
import type { ClaimedJob } from '../../src/store/claim-jobs.ts'
import { pgDatabase } from '../../src/store/pg-database.ts'
import { createStore } from '../../src/store/store.ts'
import { kongTaskBacklog } from '../systems/kongtask-backlog.ts'
import { ExplainingPool, type NestedPlan } from './nested-plans.ts'

export interface HotStatement {
  readonly name: string
  readonly about: string
  readonly plans: readonly NestedPlan[]
}

const HOUR = 3_600_000
const BATCH = 100
const BULK = 1_000
/** PL/pgSQL changes from plans for these values to one for any after five executions. */
const WARM_UP = 8
const QUEUE = 1

/** Each after it has been run some times on the same connection. */
export async function hotPlans(connectionString: string, jobs: number): Promise<readonly HotStatement[]> {
  const backlog = await kongTaskBacklog(connectionString)
  await backlog.put({ jobs, due: 'in-order' })
  await backlog.rest()
  await backlog.close()

  const explaining = new ExplainingPool(connectionString)
  const store = createStore(pgDatabase(explaining.pool, HOUR), 'kongtask')
  await store.extendDays()
  const { tasks } = await store.publish({ backlog: null }, null)
  const registration = await store.registerWorker(HOUR, {})
  let claims = 0

  const claim = async (queue: number): Promise<readonly ClaimedJob[]> => {
    claims += 1
    const queues = new Map([[queue, BATCH]])
    const request = { ...registration, claim: claims, queues, total: BATCH, tasks: [...tasks.values()] }
    return (await store.claimJobs(request)).jobs
  }
  const complete = async (batch: readonly ClaimedJob[], kept: boolean): Promise<unknown> =>
    store.settleJobs({
      worker: registration.worker,
      queue: QUEUE,
      jobs: batch.map((job) => ({ ...job, kept, settlement: { kind: 'completed', result: undefined } })),
      closed: [claims],
    })
  const retry = async (batch: readonly ClaimedJob[]): Promise<unknown> => {
    const error = { name: 'Error', message: 'Fails.' }
    return store.settleJobs({
      worker: registration.worker,
      queue: QUEUE,
      jobs: batch.map((job) => ({ ...job, settlement: { kind: 'retry', delay: HOUR, error } })),
      closed: [claims],
    })
  }
  const insert = (count: number, options: NewJob['options']): Promise<unknown> =>
    store.insertJobs(
      Array.from({ length: count }, (_, n) => ({
        task: 'backlog',
        payload: `{"n":${n}}`,
        options,
        contract: true,
      })),
    )
  const beat = (): Promise<unknown> =>
    store.heartbeat({
      ...registration,
      lease: HOUR,
      known: Array.from({ length: claims }, (_, n) => n + 1),
      before: claims + 1,
      heard: [],
    })

  await insert(BULK, { queue: 'later', scheduledIn: HOUR })
  const later = [...(await store.readQueueNames())].find(([, name]) => name === 'later')?.[0] ?? Number.NaN
  await explaining.start()

  const statements: HotStatement[] = []
  const explain = async <T>(
    name: string,
    about: string,
    work: (given: T) => Promise<unknown>,
    given: () => Promise<T>,
  ): Promise<void> => {
    for (let n = 0; n < WARM_UP; n++) await work(await given())
    const ready = await given()
    statements.push({ name, about, plans: await explaining.plansOf(() => work(ready)) })
  }
  const nothing = (): Promise<undefined> => Promise.resolve(undefined)

  await explain('insert_jobs, one', 'A job without options.', () => insert(1, {}), nothing)
  await explain('insert_jobs, many', `${BULK} jobs of a kind in a call.`, () => insert(BULK, {}), nothing)
  await explain('claim_jobs', `${BATCH} jobs.`, () => claim(QUEUE), nothing)
  await explain(
    'claim_jobs, of a queue that has run dry',
    `${BULK} jobs are due in an hour: next_due_at says when.`,
    () => claim(later),
    nothing,
  )
  await explain(
    'settle_jobs, completed and forgotten',
    `${BATCH} jobs.`,
    (batch: readonly ClaimedJob[]) => complete(batch, false),
    () => claim(QUEUE),
  )
  await explain(
    'settle_jobs, completed and kept in history',
    `${BATCH} jobs.`,
    (batch: readonly ClaimedJob[]) => complete(batch, true),
    () => claim(QUEUE),
  )
  await explain('settle_jobs, to be retried', `${BATCH} jobs.`, retry, () => claim(QUEUE))
  await explain('heartbeat', 'With some claims in hand.', beat, nothing)
  await explaining.pool.end()
  return statements
}
