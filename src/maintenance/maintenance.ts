// Front door of the chores: what is done now and then, by whichever process comes first, never on the hot path.
// Each chore may be interrupted anywhere and repeated by anybody.
import type { Events } from '../core/events.ts'
import type { Emitter } from '../runtime/emitter.ts'
import { every } from '../runtime/every.ts'
import type { Service } from '../runtime/service.ts'
import type { Store } from '../store/store.ts'
import { gateLifter } from './gate-lifter.ts'
import { park } from './parker.ts'
import { dropDays, prune, pruneKeys, pruneRecords } from './pruner.ts'
import { rescue } from './rescuer.ts'
import { whileAllowed } from './while-allowed.ts'

/** How often a process asks whether it is time to prune. */
const PRUNE_INTERVAL = 300_000
const KEYS_INTERVAL = 60_000
/** Until a task that was just paused is out of the way. */
const PARK_INTERVAL = 5_000
const GATES_INTERVAL = 5_000

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
    every(PARK_INTERVAL, (signal) => park(store, signal), weather('park the jobs of paused tasks')),
    every(GATES_INTERVAL, gateLifter(store), weather('let go on what limits have room for')),
    every(PRUNE_INTERVAL, (signal) => prune(store, signal), weather('prune history')),
    every(
      PRUNE_INTERVAL,
      whileAllowed('drop days of history that are over', events, () => dropDays(store)),
      weather('drop days of history that are over'),
    ),
    every(PRUNE_INTERVAL, (signal) => pruneRecords(store, signal), weather('prune steps and progress')),
    every(KEYS_INTERVAL, (signal) => pruneKeys(store, signal), weather('prune unique keys')),
  ]
}
