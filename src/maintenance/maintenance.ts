// Front door of the chores: what is done now and then, by whichever process comes first, never on the hot path.
// Each chore may be interrupted anywhere and repeated by anybody.
import type { Events } from '../core/events.ts'
import type { Emitter } from '../runtime/emitter.ts'
import { every } from '../runtime/every.ts'
import type { Service } from '../runtime/service.ts'
import type { Chores } from '../store/chores.ts'
import type { Store } from '../store/store.ts'
import type { DeadOthers } from '../store/workers.ts'
import { gateLifter } from './gate-lifter.ts'
import { park } from './parker.ts'
import { dropDays, prune, pruneKeys, pruneRecords, pruneSchedules } from './pruner.ts'
import { rescue, rescueAbsent, sweep } from './rescuer.ts'
import { whenDue } from './when-due.ts'
import { whileAllowed } from './while-allowed.ts'

/** How often a process asks whether it is time to prune. */
const PRUNE_INTERVAL = 300_000
const KEYS_INTERVAL = 60_000
/** Between two looks for what cannot wait long, heartbeats included: a crash is to be over in 5 s, of which a moment is to make sure. */
const WATCH_INTERVAL = 2_500

export interface MaintenanceOptions {
  readonly store: Store
  readonly events: Emitter<Events>
  /** The worker that asks; undefined while its own lease is in doubt. */
  readonly self: () => number | undefined
  /** Milliseconds between looks for dead processes. */
  readonly rescueInterval: number
  /** Has itself told of what heartbeats have seen of others. */
  readonly onOthers: (listener: (others: DeadOthers) => void) => void
  /** Told of each look for chores. */
  readonly onLook?: ((found: Chores) => void) | undefined
}

export function maintenance({
  store,
  events,
  self,
  rescueInterval,
  onOthers,
  onLook,
}: MaintenanceOptions): readonly Service[] {
  const weather =
    (doing: string) =>
    (error: unknown): void =>
      events.emit('worker.weather', { doing, error, attempt: 1 })
  return [
    whenDue({
      store,
      interval: Math.min(WATCH_INTERVAL, rescueInterval),
      chores: {
        rescue: ['rescue the jobs of dead workers', () => rescue(store, events, self)],
        absent: [
          'rescue the jobs of workers that are gone',
          (signal) => rescueAbsent(store, events, self, signal),
        ],
        sweep: ['follow up what dead workers completed', () => sweep(store)],
        park: ['park the jobs of paused tasks', (signal) => park(store, signal)],
        lift: ['let go on what limits have room for', gateLifter(store)],
      },
      weather,
      onSeen: onOthers,
      onLook,
    }),
    every(PRUNE_INTERVAL, (signal) => prune(store, signal), weather('prune history')),
    every(
      PRUNE_INTERVAL,
      whileAllowed('drop days of history that are over', events, () => dropDays(store)),
      weather('drop days of history that are over'),
    ),
    every(PRUNE_INTERVAL, (signal) => pruneRecords(store, signal), weather('prune steps and progress')),
    every(PRUNE_INTERVAL, (signal) => pruneSchedules(store, signal), weather('prune ticks of schedules')),
    every(KEYS_INTERVAL, (signal) => pruneKeys(store, signal), weather('prune unique keys')),
  ]
}
