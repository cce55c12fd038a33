import { checkReason, readBulk, type BulkOptions, type BulkResult, type CheckedBulk } from '../core/bulk.ts'
import { parseDuration, type Duration } from '../core/duration.ts'
import { KongTaskError } from '../core/errors.ts'
import { parseInstant } from '../core/instant.ts'
import { checkSaysSomething, readJobFilter, type CheckedFilter, type JobFilter } from '../core/job-filter.ts'
import { checkJobId } from '../core/job-id.ts'
import { cursorOf, readPage, type JobPage, type PageOptions } from '../core/job-page.ts'
import type { Explanation } from '../core/explanation.ts'
import type { Job, JobId, JobState } from '../core/job.ts'
import { checkPriority, invalid } from '../core/option-values.ts'
import { readOptions } from '../core/plain-object.ts'
import type { JobVerb } from '../store/operate-jobs.ts'
import type { Store } from '../store/store.ts'
import { explanationOf } from './explain.ts'
import { explained } from './explained.ts'
import { createJobLogs, type JobLogs } from './job-logs.ts'
import { createJobResult, type JobResult } from './job-result.ts'
import { operateAll } from './operate-all.ts'
import { operateOne } from './operate-one.ts'

/** When a job is to run: one of the two. */
export interface Schedule {
  /** From now, by the database's clock. */
  readonly scheduledIn?: Duration | undefined
  /** A `Date`, or an ISO string with an offset; the past means now. */
  readonly scheduledAt?: Date | string | undefined
}

/** How jobs are cancelled. */
export interface CancelOptions extends BulkOptions {
  /** Kept with the job, and what its `signal` says. @default `cancelled by an operator` */
  readonly reason?: string | undefined
}

/**
 * Looking at jobs and doing something with them, while they are worked on. Each verb is given one job, and returns it as
 * it is then; or a filter, and does it with all jobs that fit, in batches (a filter must say something; what is added
 * meanwhile is left alone).
 *
 * Rejects with KT_JOB_NOT_FOUND where there is no such job, KT_JOB_STATE where it is not in a state for that, and
 * KT_OPTION_… where the call is wrong.
 */
export interface Jobs {
  /**
   * A job in whatever state, with its payload, errors and result; undefined where there is none (any more).
   *
   * @throws KT_OPTION_INVALID where the id is not one that `addJob` returned
   */
  get(id: JobId): Promise<Job | undefined>
  /**
   * Why a job is not running, or what became of it: the first thing that is in its way, as a word for programs, in one
   * sentence for people, and with the facts. One bounded read.
   *
   * @throws KT_OPTION_INVALID where the id is not one that `addJob` returned; an id of no job is the cause `not_found`
   */
  explain(id: JobId): Promise<Explanation>
  /** Waits until a job has ended: what its handler returned, or an error that says what became of it. */
  readonly result: JobResult
  /** What its handlers logged. */
  readonly logs: JobLogs
  /**
   * Jobs that fit, of every state, newest first by id. A page ends where it is full, or when it has looked at 10,000
   * jobs: then it may hold few or none and still have a `next`.
   *
   * @example
   * let after: Cursor | undefined
   * do {
   *   const page = await kong.jobs.list({ tag: 'import', state: ['ready', 'scheduled'] }, { after })
   *   show(page.jobs)
   *   after = page.next
   * } while (after !== undefined)
   */
  list(filter?: JobFilter, page?: PageOptions): Promise<JobPage>
  /**
   * What waits is cancelled at once. What runs is told: its `signal` aborts with a JobCancelledError, and unless its
   * handler completes all the same it ends as cancelled; it is returned as it is, running.
   */
  cancel(id: JobId, reason?: string): Promise<Job>
  /** The same with all that fit and are not over. */
  cancel(filter: JobFilter, options?: CancelOptions): Promise<BulkResult>
  /**
   * Runs it again. What waits for its retry is due now. What is over, be it dead, cancelled or completed, lives again:
   * with its id, all its attempts ahead of it, and its errors kept; its result is forgotten.
   *
   * @throws KT_UNIQUE_CONFLICT where another job has its unique key by now: it stays as it was
   */
  retry(id: JobId): Promise<Job>
  /**
   * The same with all that fit and failed: those that wait for a retry, and dead letters. Cancelled and completed ones
   * only where `state` names them.
   */
  retry(filter: JobFilter, options?: BulkOptions): Promise<BulkResult>
  /** Moves what waits to another time. */
  reschedule(id: JobId, schedule: Schedule): Promise<Job>
  reschedule(filter: JobFilter, schedule: Schedule, options?: BulkOptions): Promise<BulkResult>
  /** Gives what waits another priority: 0 to 15, lower runs first. */
  reprioritise(id: JobId, priority: number): Promise<Job>
  reprioritise(filter: JobFilter, priority: number, options?: BulkOptions): Promise<BulkResult>
  /** What is scheduled is due now. What is due already keeps its place. */
  runNow(id: JobId): Promise<Job>
  runNow(filter: JobFilter, options?: BulkOptions): Promise<BulkResult>
  /** Forgets it, in whatever state but running, with its errors and its result. Returns it as it was. */
  delete(id: JobId): Promise<Job>
  /** The same with all that fit; those that run are left alone. */
  delete(filter: JobFilter, options?: BulkOptions): Promise<BulkResult>
}

const DEFAULT_REASON = 'cancelled by an operator'
const SCHEDULE: ReadonlySet<string> = new Set(['scheduledIn', 'scheduledAt'])
/** The states that a verb is for. */
const STATES: Readonly<Record<JobVerb['kind'], readonly JobState[]>> = {
  cancel: ['scheduled', 'ready', 'running'],
  retry: ['scheduled', 'dead', 'cancelled', 'completed'],
  reschedule: ['scheduled', 'ready'],
  reprioritise: ['scheduled', 'ready'],
  run_now: ['scheduled'],
  delete: ['scheduled', 'ready', 'completed', 'dead', 'cancelled'],
}
/** Those that are meant where the filter names none. */
const DEFAULT_STATES: typeof STATES = { ...STATES, retry: ['scheduled', 'dead'] }

type JobsStore = Pick<
  Store,
  'readJob' | 'readLogs' | 'readEnds' | 'listJobs' | 'walkJobs' | 'operateJobs' | 'explainJob'
>

export function createJobs(store: JobsStore): Jobs {
  async function list(filter?: JobFilter, page?: PageOptions): Promise<JobPage> {
    const checked = readJobFilter(filter, 'jobs.list')
    const { jobs, next, scanned } = await explained(store.listJobs(checked, readPage(page, 'jobs.list')))
    return { jobs, next: cursorOf(next), scanned }
  }

  function cancel(id: JobId, reason?: string): Promise<Job>
  function cancel(filter: JobFilter, options?: CancelOptions): Promise<BulkResult>
  async function cancel(target: JobId | JobFilter, more?: string | CancelOptions): Promise<Job | BulkResult> {
    if (typeof target === 'string') return one({ kind: 'cancel', reason: reasonOf(more) }, target)
    const { bulk, given } = readBulk(more, 'jobs.cancel', ['reason'])
    return all({ kind: 'cancel', reason: reasonOf(given['reason']) }, target, 'jobs.cancel', bulk)
  }

  function retry(id: JobId): Promise<Job>
  function retry(filter: JobFilter, options?: BulkOptions): Promise<BulkResult>
  async function retry(target: JobId | JobFilter, options?: BulkOptions): Promise<Job | BulkResult> {
    return either({ kind: 'retry' }, target, 'jobs.retry', options)
  }

  function reschedule(id: JobId, schedule: Schedule): Promise<Job>
  function reschedule(filter: JobFilter, schedule: Schedule, options?: BulkOptions): Promise<BulkResult>
  async function reschedule(
    target: JobId | JobFilter,
    schedule: Schedule,
    options?: BulkOptions,
  ): Promise<Job | BulkResult> {
    return either({ kind: 'reschedule', ...readSchedule(schedule) }, target, 'jobs.reschedule', options)
  }

  function reprioritise(id: JobId, priority: number): Promise<Job>
  function reprioritise(filter: JobFilter, priority: number, options?: BulkOptions): Promise<BulkResult>
  async function reprioritise(
    target: JobId | JobFilter,
    priority: number,
    options?: BulkOptions,
  ): Promise<Job | BulkResult> {
    const verb: JobVerb = { kind: 'reprioritise', priority: checkPriority(priority) }
    return either(verb, target, 'jobs.reprioritise', options)
  }

  function runNow(id: JobId): Promise<Job>
  function runNow(filter: JobFilter, options?: BulkOptions): Promise<BulkResult>
  async function runNow(target: JobId | JobFilter, options?: BulkOptions): Promise<Job | BulkResult> {
    return either({ kind: 'run_now' }, target, 'jobs.runNow', options)
  }

  function remove(id: JobId): Promise<Job>
  function remove(filter: JobFilter, options?: BulkOptions): Promise<BulkResult>
  async function remove(target: JobId | JobFilter, options?: BulkOptions): Promise<Job | BulkResult> {
    return either({ kind: 'delete' }, target, 'jobs.delete', options)
  }

  function either(
    verb: JobVerb,
    target: JobId | JobFilter,
    what: string,
    options: unknown,
  ): Promise<Job | BulkResult> {
    if (typeof target !== 'string') return all(verb, target, what, readBulk(options, what).bulk)
    // A dry run of one job would be none.
    if (options !== undefined)
      throw invalid('options', options, 'are for what fits a filter, and must be left out')
    return one(verb, target)
  }

  function one(verb: JobVerb, id: JobId): Promise<Job> {
    return explained(operateOne(store, verb, checkJobId(id)))
  }

  function all(verb: JobVerb, target: JobFilter, what: string, bulk: CheckedBulk): Promise<BulkResult> {
    const filter = readJobFilter(target, what)
    checkSaysSomething(filter, what, "Name the states where that is meant: { state: ['ready'] }.")
    return explained(operateAll(store, verb, meantBy(verb, filter, what), bulk))
  }

  return Object.freeze({
    get: async (id: JobId) => explained(store.readJob(checkJobId(id))),
    explain: async (id: JobId) => explanationOf(id, await explained(store.explainJob(checkJobId(id)))),
    result: createJobResult(store),
    logs: createJobLogs(store),
    list,
    cancel,
    retry,
    reschedule,
    reprioritise,
    runNow,
    delete: remove,
  })
}

/** The filter with the states that the verb is for. */
function meantBy({ kind }: JobVerb, filter: CheckedFilter, what: string): CheckedFilter {
  const states = (filter.states ?? DEFAULT_STATES[kind]).filter((state) => STATES[kind].includes(state))
  if (states.length > 0) return { ...filter, states, ...(kind === 'retry' ? { retrying: true } : {}) }
  throw invalid('state', filter.states, `must name states that ${what} is for: ${STATES[kind].join(', ')}`)
}

function reasonOf(reason: unknown): string {
  return reason === undefined ? DEFAULT_REASON : checkReason(reason)
}

function readSchedule(value: unknown): {
  readonly at: string | undefined
  readonly delay: number | undefined
} {
  const { scheduledIn, scheduledAt } = readOptions(value, SCHEDULE, 'jobs.reschedule')
  if ((scheduledIn === undefined) === (scheduledAt === undefined)) {
    throw new KongTaskError(
      'KT_OPTION_INVALID',
      'jobs.reschedule: give `scheduledIn` or `scheduledAt`, one of the two.',
    )
  }
  return {
    at: scheduledAt === undefined ? undefined : parseInstant(scheduledAt, 'scheduledAt'),
    delay: scheduledIn === undefined ? undefined : parseDuration(scheduledIn, 'scheduledIn'),
  }
}
