import type { Events } from '../core/events.ts'
import type { Emitter } from '../runtime/emitter.ts'
import type { Store } from '../store/store.ts'

/** Gives the jobs of processes that fell silent back to their lanes. Every process looks, so one is enough. */
export async function rescue(store: Pick<Store, 'rescueWorkers'>, events: Emitter<Events>): Promise<number> {
  const { workers, jobs } = await store.rescueWorkers()
  if (workers > 0 || jobs > 0) events.emit('worker.rescued', { workers, jobs })
  return jobs
}

/** Follows up what such processes completed in transactions of their handlers. */
export function sweep(store: Pick<Store, 'sweepCompletions'>): Promise<number> {
  return store.sweepCompletions()
}
