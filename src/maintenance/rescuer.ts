import type { Events } from '../core/events.ts'
import type { Emitter } from '../runtime/emitter.ts'
import { pause } from '../runtime/retry.ts'
import type { Store } from '../store/store.ts'

/** Milliseconds in which a process that has lost nothing but a connection can say so. */
const MOMENT = 1_500

/**
 * Gives the jobs of processes that fell silent back to their lanes. Every process looks, so one is enough: one that has lost its
 * own lease judges nobody.
 */
export async function rescue(
  store: Pick<Store, 'rescueWorkers'>,
  events: Emitter<Events>,
  self: () => number | undefined,
): Promise<number> {
  const worker = self()
  if (worker === undefined) return 0
  const { workers, jobs } = await store.rescueWorkers(worker)
  if (workers > 0 || jobs > 0) events.emit('worker.rescued', { workers, jobs })
  return jobs
}

/**
 * The same for those whose session with the database is gone, and who say nothing: they died. Sooner than their lease ends. Who
 * asks is alive, whatever the database sees of it.
 */
export async function rescueAbsent(
  store: Pick<Store, 'findAbsentWorkers' | 'rescueAbsentWorkers'>,
  events: Emitter<Events>,
  self: () => number | undefined,
  signal: AbortSignal,
): Promise<void> {
  const absent = (await store.findAbsentWorkers()).filter(({ worker }) => worker !== self())
  if (absent.length === 0) return
  await pause(MOMENT, signal)
  const worker = self()
  if (signal.aborted || worker === undefined) return
  const { workers, jobs } = await store.rescueAbsentWorkers(absent, worker)
  if (workers > 0 || jobs > 0) events.emit('worker.rescued', { workers, jobs })
}

/** Follows up what such processes completed in transactions of their handlers. */
export function sweep(store: Pick<Store, 'sweepCompletions'>): Promise<number> {
  return store.sweepCompletions()
}
