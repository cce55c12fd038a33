import type { Store } from '../store/store.ts'

const INTERVAL = 3_600_000
const KEYS_INTERVAL = 60_000
/** Short, because a process that may not do it finds out only when it has the turn. */
const DAYS_INTERVAL = 300_000

/** What a run did. */
export interface Pruned {
  readonly daysAdded: number
  readonly jobsDropped: number
}

/** Forgets unique keys that hold nothing any more. Keys without a window end with their job, and many may do so. */
export async function pruneKeys(
  store: Pick<Store, 'takeTurn' | 'pruneUniqueKeys'>,
  signal: AbortSignal,
): Promise<number | undefined> {
  if (!(await store.takeTurn('prune_unique_keys', KEYS_INTERVAL))) return undefined
  let pruned = 0
  let batch = await store.pruneUniqueKeys()
  for (;;) {
    pruned += batch.pruned
    if (batch.next === undefined || signal.aborted) return pruned
    batch = await store.pruneUniqueKeys(batch.next)
  }
}

/** Keeps days ahead, and forgets what has expired of that for which there were none. Undefined where another process has this turn. */
export async function prune(
  store: Pick<Store, 'takeTurn' | 'extendDays' | 'pruneOverflow'>,
  signal: AbortSignal,
): Promise<Pruned | undefined> {
  if (!(await store.takeTurn('prune', INTERVAL))) return undefined
  const daysAdded = await store.extendDays()
  let jobsDropped = 0
  for (let more = true; more && !signal.aborted;) {
    const batch = await store.pruneOverflow()
    jobsDropped += batch.pruned
    more = batch.more
  }
  return { daysAdded, jobsDropped }
}

/** Forgets steps and progress of jobs that are gone. Undefined where another process has this turn. */
export async function pruneRecords(
  store: Pick<Store, 'takeTurn' | 'pruneRecords'>,
  signal: AbortSignal,
): Promise<number | undefined> {
  if (!(await store.takeTurn('prune_records', INTERVAL))) return undefined
  let pruned = 0
  let batch = await store.pruneRecords()
  for (;;) {
    pruned += batch.pruned
    if (batch.next === undefined || signal.aborted) return pruned
    batch = await store.pruneRecords(batch.next)
  }
}

/** Forgets old ticks and changes of schedules. Undefined where another process has this turn. */
export async function pruneSchedules(
  store: Pick<Store, 'takeTurn' | 'pruneSchedules'>,
  signal: AbortSignal,
): Promise<number | undefined> {
  if (!(await store.takeTurn('prune_schedules', INTERVAL))) return undefined
  let batches = 0
  for (let more = true; more && !signal.aborted; batches++) more = await store.pruneSchedules()
  return batches
}

/**
 * Forgets days that are over, with all that expired on them; answers how many. PostgreSQL lets only the tables' owner do that, so it is a
 * chore of its own. Undefined where another process has this turn.
 */
export async function dropDays(
  store: Pick<Store, 'takeTurn' | 'dropExpiredDays'>,
): Promise<number | undefined> {
  return (await store.takeTurn('drop_history', DAYS_INTERVAL)) ? store.dropExpiredDays() : undefined
}
