import { readBulk, type BulkOptions, type BulkResult, type CheckedBulk } from '../core/bulk.ts'
import type { Duration } from '../core/duration.ts'
import { KongTaskError } from '../core/errors.ts'
import {
  checkSaysSomething,
  readDeadLetterFilter,
  withAge,
  type CheckedFilter,
  type DeadLetterFilter,
} from '../core/job-filter.ts'
import { checkJobId } from '../core/job-id.ts'
import { cursorOf, readPage, type JobPage, type PageOptions } from '../core/job-page.ts'
import type { Job, JobId } from '../core/job.ts'
import { invalid } from '../core/option-values.ts'
import type { DeadLetterGroups } from '../store/find-jobs.ts'
import type { JobVerb } from '../store/operate-jobs.ts'
import type { Store } from '../store/store.ts'
import { explained } from './explained.ts'
import { operateAll } from './operate-all.ts'
import { operateOne, type Among } from './operate-one.ts'

/** How dead letters come back. */
export interface RedriveOptions extends BulkOptions {
  /**
   * How many a second, so that what they need is not overrun: a number, or text such as `'100/s'`, `'30/m'`.
   * @default as fast as it goes
   */
  readonly rate?: number | string | undefined
}

/** Which dead letters are forgotten. */
export interface PurgeOptions extends BulkOptions {
  /** Only those that died longer ago than this. */
  readonly olderThan?: Duration | undefined
}

/** Dead letters by the trouble that they died of. */
export interface DeadLetterSummary extends DeadLetterGroups {
  /** False: there are more dead letters than were looked at, and the counts are those of the latest 10,000. */
  readonly complete: boolean
}

/**
 * Jobs that were given up, kept with every attempt's error until they are redriven or purged, or for as long as their
 * `retain.dead` says.
 */
export interface DeadLetters {
  /** Those that fit, newest first by id; pages as of `kong.jobs.list`. */
  list(filter?: DeadLetterFilter, page?: PageOptions): Promise<JobPage>
  /**
   * What they died of: by task and by the latest error's message, in which numbers, ids and quoted text are replaced,
   * the most frequent first. Looks at the latest 10,000.
   *
   * @example
   * const { groups: [worst] } = await kong.deadLetters.groups()
   * if (worst) await kong.deadLetters.redrive({ task: worst.task, error: worst.error }, { rate: '50/s' })
   */
  groups(filter?: DeadLetterFilter): Promise<DeadLetterSummary>
  /**
   * Brings one back to life: ready at once, with its id, all its attempts ahead of it and its errors kept. Returns it as
   * it is then.
   *
   * @throws KT_UNIQUE_CONFLICT where another job has its unique key by now: it stays dead; KT_JOB_NOT_FOUND
   */
  redrive(id: JobId): Promise<Job>
  /** The same with all that fit, `{}` for all that there are; those whose unique key is taken stay and are counted. */
  redrive(filter: DeadLetterFilter, options?: RedriveOptions): Promise<BulkResult>
  /** Forgets one, and returns it as it was. @throws KT_JOB_NOT_FOUND */
  purge(id: JobId): Promise<Job>
  /** Forgets all that fit. The filter must say something, or there must be an age. */
  purge(filter: DeadLetterFilter, options?: PurgeOptions): Promise<BulkResult>
}

/** How many dead letters `groups` looks at. */
const LATEST = 10_000
const DEAD: CheckedFilter = { states: ['dead'] }
const DEAD_LETTERS: Among = { filter: DEAD, refusal: notFound }

type DeadLettersStore = Pick<Store, 'readJob' | 'listJobs' | 'walkJobs' | 'operateJobs' | 'groupDeadLetters'>

export function createDeadLetters(store: DeadLettersStore): DeadLetters {
  async function list(filter?: DeadLetterFilter, page?: PageOptions): Promise<JobPage> {
    const checked = readDeadLetterFilter(filter, 'deadLetters.list')
    const reach = readPage(page, 'deadLetters.list')
    const { jobs, next, scanned } = await explained(store.listJobs({ ...checked, ...DEAD }, reach))
    return { jobs, next: cursorOf(next), scanned }
  }

  async function groups(filter?: DeadLetterFilter): Promise<DeadLetterSummary> {
    const checked = readDeadLetterFilter(filter, 'deadLetters.groups')
    const found = await explained(store.groupDeadLetters({ ...checked, ...DEAD }, LATEST))
    return { ...found, complete: found.scanned < LATEST }
  }

  function redrive(id: JobId): Promise<Job>
  function redrive(filter: DeadLetterFilter, options?: RedriveOptions): Promise<BulkResult>
  async function redrive(
    target: JobId | DeadLetterFilter,
    options?: RedriveOptions,
  ): Promise<Job | BulkResult> {
    if (typeof target === 'string') return one({ kind: 'retry' }, target, options)
    const filter = readDeadLetterFilter(target, 'deadLetters.redrive')
    return all({ kind: 'retry' }, filter, readBulk(options, 'deadLetters.redrive', ['rate']).bulk)
  }

  function purge(id: JobId): Promise<Job>
  function purge(filter: DeadLetterFilter, options?: PurgeOptions): Promise<BulkResult>
  async function purge(target: JobId | DeadLetterFilter, options?: PurgeOptions): Promise<Job | BulkResult> {
    if (typeof target === 'string') return one({ kind: 'delete' }, target, options)
    const { bulk, given } = readBulk(options, 'deadLetters.purge', ['olderThan'])
    const filter = withAge(readDeadLetterFilter(target, 'deadLetters.purge'), given['olderThan'])
    checkSaysSomething(filter, 'deadLetters.purge', "Give an age where that is meant: { olderThan: '0s' }.")
    return all({ kind: 'delete' }, filter, bulk)
  }

  async function one(verb: JobVerb, target: JobId, options: unknown): Promise<Job> {
    if (options !== undefined)
      throw invalid('options', options, 'are for what fits a filter, and must be left out')
    const id = checkJobId(target)
    return explained(operateOne(store, verb, id, DEAD_LETTERS))
  }

  function all(verb: JobVerb, filter: CheckedFilter, bulk: CheckedBulk): Promise<BulkResult> {
    return explained(operateAll(store, verb, { ...filter, ...DEAD }, bulk))
  }

  return Object.freeze({ list, groups, redrive, purge })
}

function notFound(id: JobId): KongTaskError {
  return new KongTaskError(
    'KT_JOB_NOT_FOUND',
    `There is no dead letter ${id}. It may have been redriven or purged already.`,
  )
}
