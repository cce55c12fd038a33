import { KongTaskError } from '../core/errors.ts'
import type { Job, JobId } from '../core/job.ts'
import type { JobVerb, Operated } from '../store/operate-jobs.ts'
import type { Store } from '../store/store.ts'

/** How long to ask again for a job that somebody has. Milliseconds. */
const PATIENCE = 5_000

/**
 * Does something with one job, and returns it as it is then; one that is kept nowhere, as it was.
 *
 * @throws KT_JOB_NOT_FOUND, KT_JOB_STATE, KT_UNIQUE_CONFLICT
 */
export async function operateOne(
  store: Pick<Store, 'readJob' | 'operateJobs'>,
  verb: JobVerb,
  id: JobId,
): Promise<Job> {
  const before = await store.readJob(id)
  const [operated] = await store.operateJobs(verb, { targets: { ids: [id] }, filter: {}, patience: PATIENCE })
  const after = await store.readJob(id)
  const status = operated?.status ?? 'missing'
  if (status !== 'done' && status !== 'told') throw refusalOf(id, status, after, verb)
  // What is kept nowhere was there, or it would be missing.
  const job = after ?? before
  if (job === undefined) throw notFound(id)
  return after === undefined && verb.kind === 'cancel' ? { ...job, state: 'cancelled' } : job
}

function refusalOf(
  id: JobId,
  status: Exclude<Operated['status'], 'done' | 'told'>,
  job: Job | undefined,
  verb: JobVerb,
): KongTaskError {
  if (status === 'conflict') return conflict(id)
  if (status === 'locked') return new KongTaskError('KT_JOB_STATE', `Job ${id} ${LOCKED}`)
  return job === undefined ? notFound(id) : refusal(job, verb)
}

const LOCKED =
  'is locked by another transaction (one that completes it, say), and was so for 5 seconds. Try again.'
const DONE: Readonly<Record<JobVerb['kind'], string>> = {
  cancel: 'cancelled',
  retry: 'retried',
  reschedule: 'rescheduled',
  run_now: 'run now',
  reprioritise: 'given another priority',
  delete: 'deleted',
}

function refusal({ id, state }: Job, { kind }: JobVerb): KongTaskError {
  return new KongTaskError(
    'KT_JOB_STATE',
    `Job ${id} is ${state} and cannot be ${DONE[kind]}. ${advice(id, state, kind)}`,
  )
}

function advice(id: JobId, state: Job['state'], kind: JobVerb['kind']): string {
  if (state === 'running') return `Cancel it first: kong.jobs.cancel('${id}').`
  if (state === 'scheduled' || state === 'ready') return 'It has changed at this moment; try again.'
  return kind === 'cancel' ? 'It is over.' : `To bring it back to life: kong.jobs.retry('${id}').`
}

export function conflict(id: JobId): KongTaskError {
  return new KongTaskError(
    'KT_UNIQUE_CONFLICT',
    `Job ${id} stays as it is: another job has its unique key. Wait until that one is finished, or delete one of the two.`,
  )
}

function notFound(id: JobId): KongTaskError {
  return new KongTaskError('KT_JOB_NOT_FOUND', `There is no job ${id}, or not any more.`)
}
