import { KongTaskError } from '../core/errors.ts'
import type { CheckedFilter } from '../core/job-filter.ts'
import type { Job, JobId } from '../core/job.ts'
import type { JobVerb } from '../store/operate-jobs.ts'
import type { Store } from '../store/store.ts'

/** How long to ask again for a job that somebody has. Milliseconds. */
const PATIENCE = 5_000

/** Among which jobs one is looked for, and what to say where it is none of them. */
export interface Among {
  readonly filter: CheckedFilter
  /** `job`: as it is, where it is one of the others. */
  readonly refusal: (id: JobId, job: Job | undefined, verb: JobVerb) => KongTaskError
}

const ALL_JOBS: Among = {
  filter: {},
  refusal: (id, job, verb) => (job === undefined ? notFound(id) : refusal(job, verb)),
}

/**
 * Does something with one job, and returns it as it is then; one that is kept nowhere, as it was.
 *
 * @throws KT_JOB_NOT_FOUND, KT_JOB_STATE, KT_UNIQUE_CONFLICT
 */
export async function operateOne(
  store: Pick<Store, 'readJob' | 'operateJobs'>,
  verb: JobVerb,
  id: JobId,
  among: Among = ALL_JOBS,
): Promise<Job> {
  const before = await store.readJob(id)
  const order = { targets: { ids: [id] }, filter: among.filter, patience: PATIENCE }
  const [operated] = await store.operateJobs(verb, order)
  const after = await store.readJob(id)
  const status = operated?.status ?? 'missing'
  if (status === 'conflict') throw conflict(id)
  if (status === 'locked') throw locked(id)
  if (status !== 'done' && status !== 'told') throw among.refusal(id, after, verb)
  // What is kept nowhere was there, or it would be missing.
  const job = after ?? before
  if (job === undefined) throw among.refusal(id, undefined, verb)
  return after === undefined && verb.kind === 'cancel' ? { ...job, state: 'cancelled' } : job
}

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

function locked(id: JobId): KongTaskError {
  return new KongTaskError(
    'KT_JOB_STATE',
    `Job ${id} is locked by another transaction (one that completes it, say), and was so for ${PATIENCE / 1_000} seconds. Try again.`,
  )
}

function conflict(id: JobId): KongTaskError {
  return new KongTaskError(
    'KT_UNIQUE_CONFLICT',
    `Job ${id} stays as it is: another job has its unique key. Wait until that one is finished, or delete one of the two.`,
  )
}

function notFound(id: JobId): KongTaskError {
  return new KongTaskError('KT_JOB_NOT_FOUND', `There is no job ${id}, or not any more.`)
}
