import type { Store } from '../store/store.ts'

const INTERVAL = 3_600_000

/** What a run did. */
export interface Pruned {
  readonly daysAdded: number
  readonly daysDropped: number
  readonly jobsDropped: number
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
