// Front door of the chores: what is done now and then, by whichever process comes first, never on the hot path.
// Each chore may be interrupted anywhere and repeated by anybody.
import type { Events } from '../core/events.ts'
import type { Emitter } from '../runtime/emitter.ts'
import { every } from '../runtime/every.ts'
import type { Service } from '../runtime/service.ts'
import type { Store } from '../store/store.ts'
import { prune, pruneKeys } from './pruner.ts'
import { rescue } from './rescuer.ts'

/** How often a process asks whether it is time to prune. */
const PRUNE_INTERVAL = 300_000
const KEYS_INTERVAL = 60_000

export interface MaintenanceOptions {
  readonly store: Store
  readonly events: Emitter<Events>
  /** Milliseconds between looks for dead processes. */
  readonly rescueInterval: number
}

export function maintenance({ store, events, rescueInterval }: MaintenanceOptions): readonly Service[] {
  const weather =
    (doing: string) =>
    (error: unknown): void =>
      events.emit('worker.weather', { doing, error, attempt: 1 })
  return [
    every(rescueInterval, () => rescue(store, events), weather('rescue the jobs of dead workers')),
    every(PRUNE_INTERVAL, (signal) => prune(store, signal), weather('prune history')),
    every(KEYS_INTERVAL, (signal) => pruneKeys(store, signal), weather('prune unique keys')),
  ]
}
