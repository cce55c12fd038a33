import type { Store } from '../store/store.ts'

const INTERVAL = 3_600_000
const KEYS_INTERVAL = 60_000

/** What a run did. */
export interface Pruned {
  readonly daysAdded: number
  readonly daysDropped: number
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

/** Keeps days of history ahead, and forgets what has expired. Undefined where another process has this turn. */
export async function prune(
  store: Pick<Store, 'takeTurn' | 'extendHistory' | 'dropExpiredDays' | 'pruneOverflow'>,
  signal: AbortSignal,
): Promise<Pruned | undefined> {
  if (!(await store.takeTurn('prune', INTERVAL))) return undefined
  const daysAdded = await store.extendHistory()
  const daysDropped = await store.dropExpiredDays()
  let jobsDropped = 0
  for (let more = true; more && !signal.aborted;) {
    const batch = await store.pruneOverflow()
    jobsDropped += batch.pruned
    more = batch.more
  }
  return { daysAdded, daysDropped, jobsDropped }
}
