import type { CheckedFilter } from '../core/job-filter.ts'
import { pause } from '../runtime/retry.ts'
import type { Queryable } from './db.ts'
import {
  cancelJobs,
  deleteJobs,
  reprioritiseJobs,
  rescheduleJobs,
  retryJobs,
} from './statements.generated.ts'
import { runStatement } from './statement.ts'

/** What is done with jobs. */
export type JobVerb =
  | { readonly kind: 'cancel'; readonly reason: string }
  | { readonly kind: 'retry' }
  /** Due at a time (ISO 8601), or so many milliseconds from now. */
  | { readonly kind: 'reschedule'; readonly at: string | undefined; readonly delay: number | undefined }
  | { readonly kind: 'run_now' }
  | { readonly kind: 'reprioritise'; readonly priority: number }
  | { readonly kind: 'delete' }

/** Which jobs a verb is about. */
export interface JobTargets {
  readonly ids: readonly string[]
  /** The number of each job's queue, where it is known; else all queues are looked through. */
  readonly queues?: readonly number[] | undefined
}

/** What to do a verb with. */
export interface JobOrder {
  readonly targets: JobTargets
  /** What the jobs must still be; `{}` for anything. */
  readonly filter: CheckedFilter
  /** How long to ask again for jobs that somebody has. Milliseconds. */
  readonly patience: number
}

/**
 * What became of one job. `done`. `told`: it runs, and its worker was told that it is cancelled. `conflict`: another job
 * has its unique key, so it stays as it was. `refused`: it is not, or no longer, what the verb is for. `locked`: somebody
 * had it all the time. `missing`: it is not, or no longer, where the verb looks.
 */
export interface Operated {
  readonly id: string
  readonly status: 'done' | 'told' | 'conflict' | 'refused' | 'locked' | 'missing'
}

const FIRST_PAUSE = 2
const LONGEST_PAUSE = 100

/**
 * Does it with each job on its own account, in one transaction; nothing waits for a lock. What somebody had is asked
 * again, in transactions of their own, for as long as there is
 * patience: it may have been locked by mistake, and is free as soon as a claim or a settlement has ended.
 */
export async function operateJobs(
  db: Queryable,
  schema: string,
  verb: JobVerb,
  { targets, filter, patience }: JobOrder,
): Promise<Operated[]> {
  const operated: Operated[] = []
  let left = targets
  for (let wait = FIRST_PAUSE, waited = 0; ; wait = Math.min(wait * 2, LONGEST_PAUSE)) {
    const answers = await operateOnce(db, schema, verb, left, filter)
    operated.push(...answers.filter(({ status }) => status !== 'locked'))
    const locked = answers.filter(({ status }) => status === 'locked')
    if (locked.length === 0) return operated
    if (waited >= patience) return [...operated, ...locked]
    left = only(left, new Set(locked.map(({ id }) => id)))
    await pause(wait)
    waited += wait
  }
}

/** Those of the targets that have one of these ids. */
export function only({ ids, queues }: JobTargets, wanted: ReadonlySet<string>): JobTargets {
  return {
    ids: ids.filter((id) => wanted.has(id)),
    queues: queues?.filter((_, index) => wanted.has(ids[index] ?? '')),
  }
}

async function operateOnce(
  db: Queryable,
  schema: string,
  verb: JobVerb,
  { ids, queues: known }: JobTargets,
  checked: CheckedFilter,
): Promise<Operated[]> {
  const jobs = { ids, queues: known ?? null, filter: JSON.stringify(checked) }
  const rows = await runVerb(db, schema, verb, jobs)
  return rows.map(({ id, status }) => ({ id, status: statusOf(status) }))
}

interface Targeted {
  readonly ids: readonly string[]
  readonly queues: readonly number[] | null
  readonly filter: string
}

function runVerb(
  db: Queryable,
  schema: string,
  verb: JobVerb,
  jobs: Targeted,
): Promise<{ readonly id: string; readonly status: string }[]> {
  switch (verb.kind) {
    case 'cancel':
      return runStatement(db, schema, cancelJobs, { ...jobs, reason: verb.reason })
    case 'retry':
      return runStatement(db, schema, retryJobs, jobs)
    case 'reschedule': {
      const due = verb.at === undefined ? null : new Date(verb.at)
      return runStatement(db, schema, rescheduleJobs, { ...jobs, due, delay: verb.delay ?? null })
    }
    case 'run_now':
      return runStatement(db, schema, rescheduleJobs, { ...jobs, due: null, delay: null })
    case 'reprioritise':
      return runStatement(db, schema, reprioritiseJobs, { ...jobs, priority: verb.priority })
    case 'delete':
      return runStatement(db, schema, deleteJobs, jobs)
    default:
      return verb satisfies never
  }
}

const STATUSES: readonly Operated['status'][] = ['done', 'told', 'conflict', 'refused', 'locked', 'missing']

function statusOf(status: string): Operated['status'] {
  const known = STATUSES.find((each) => each === status)
  if (known === undefined) throw new TypeError(`The database answered with the status "${status}".`)
  return known
}
