import { every } from '../runtime/every.ts'
import type { Service } from '../runtime/service.ts'
import type { DueChores } from '../store/chores.ts'
import type { Store } from '../store/store.ts'

type Name = keyof DueChores

/** What is being done, for whoever reads of its failure, and how. */
type Chore = readonly [doing: string, run: (signal: AbortSignal) => Promise<unknown>]

export interface WhenDueOptions {
  readonly store: Pick<Store, 'findChores'>
  /** Milliseconds between two looks. */
  readonly interval: number
  readonly chores: Readonly<Record<Name, Chore>>
  readonly weather: (doing: string) => (error: unknown) => void
}

/**
 * Chores that nearly never have anything to do: one question finds out for all of them. Each runs apart, so that one which
 * fails, or takes its time, keeps none of the others; one that still runs is not begun again.
 */
export function whenDue({ store, interval, chores, weather }: WhenDueOptions): Service {
  const all = [
    ['rescue', ...chores.rescue],
    ['sweep', ...chores.sweep],
    ['park', ...chores.park],
    ['lift', ...chores.lift],
  ] as const
  const running = new Map<Name, Promise<void>>()

  const look = async (signal: AbortSignal): Promise<void> => {
    const due = await store.findChores()
    // What would begin now would only have to be waited for.
    if (signal.aborted) return
    for (const [name, doing, run] of all) {
      if (!due[name] || running.has(name)) continue
      const ended = Promise.resolve(signal)
        .then(run)
        .then(() => undefined, weather(doing))
        .finally(() => running.delete(name))
      running.set(name, ended)
    }
  }

  const looking = every(interval, look, weather('look for chores'))
  return {
    start: () => looking.start(),
    stop: async () => {
      // First: no further chore begins after it, and those that run are told by it.
      await looking.stop()
      await Promise.all(running.values())
    },
  }
}
