import type { Events } from '../core/events.ts'
import type { Emitter } from '../runtime/emitter.ts'
import type { Store } from '../store/store.ts'

/**
 * Gives the jobs of processes that fell silent back to their lanes, and follows up what they completed in transactions of
 * their handlers. Every process looks, so one is enough.
 */
export async function rescue(
  store: Pick<Store, 'rescueWorkers' | 'sweepCompletions'>,
  events: Emitter<Events>,
): Promise<number> {
  const { workers, jobs } = await store.rescueWorkers()
  if (workers > 0 || jobs > 0) events.emit('worker.rescued', { workers, jobs })
  await store.sweepCompletions()
  return jobs
}
