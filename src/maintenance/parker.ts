import type { Store } from '../store/store.ts'

/** What a run did. */
export interface Parked {
  readonly parked: number
  readonly back: number
}

/** Keeps the jobs of paused tasks out of the way of claims, and brings back those of tasks that were resumed. */
export async function park(
  store: Pick<Store, 'parkJobs' | 'unparkJobs'>,
  signal: AbortSignal,
): Promise<Parked> {
  let parked = 0
  for (let more = true; more && !signal.aborted;) {
    const batch = await store.parkJobs()
    parked += batch.parked
    more = batch.more
  }
  let back = 0
  for (let batch = 1; batch > 0 && !signal.aborted;) {
    batch = await store.unparkJobs()
    back += batch
  }
  return { parked, back }
}
