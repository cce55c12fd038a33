import { every } from '../runtime/every.ts'
import { pause } from '../runtime/retry.ts'
import type { Service } from '../runtime/service.ts'
import type { Chores, DueChores } from '../store/chores.ts'
import type { Store } from '../store/store.ts'

type Name = keyof DueChores

/** Intervals that a look of our own keeps from the next, so that a heartbeat which is about to look comes first. */
const PATIENCE = 1.25
/** Intervals without a look of our own, whoever else looks. */
const LONGEST_WAIT = 3

/** What is being done, for whoever reads of its failure, and how. */
type Chore = readonly [doing: string, run: (signal: AbortSignal) => Promise<unknown>]

export interface WhenDueOptions {
  readonly store: Pick<Store, 'findChores'>
  /** Milliseconds between two looks. */
  readonly interval: number
  readonly chores: Readonly<Record<Name, Chore>>
  readonly weather: (doing: string) => (error: unknown) => void
  /** Has itself told of what others have seen by the way: it counts as a look, though not for all of the chores. */
  readonly onSeen?: ((listener: (due: Partial<DueChores>) => void) => void) | undefined
  /** Told of each look: what it found beside chores. */
  readonly onLook?: ((found: Chores) => void) | undefined
}

/**
 * Chores that nearly never have anything to do: one question finds out for all of them. Each runs apart, so that one which
 * fails, or takes its time, keeps none of the others; one that still runs is not begun again.
 */
export function whenDue({ store, interval, chores, weather, onSeen, onLook }: WhenDueOptions): Service {
  const all = [
    ['rescue', ...chores.rescue],
    ['absent', ...chores.absent],
    ['sweep', ...chores.sweep],
    ['park', ...chores.park],
    ['lift', ...chores.lift],
  ] as const
  const running = new Map<Name, Promise<void>>()

  const stopping = new AbortController()
  const { signal } = stopping
  let seenAt: number | undefined
  let lookedAt = performance.now()

  const begin = (due: Partial<DueChores>): void => {
    // What would begin now would only have to be waited for.
    if (signal.aborted) return
    for (const [name, doing, run] of all) {
      if (due[name] !== true || running.has(name)) continue
      const ended = Promise.resolve(signal)
        .then(run)
        .then(() => undefined, weather(doing))
        .finally(() => running.delete(name))
      running.set(name, ended)
    }
  }

  const look = async (): Promise<void> => {
    // Somebody has looked meanwhile.
    for (let left = untilDue(); left > 0; left = untilDue()) await pause(left, signal)
    if (signal.aborted) return
    lookedAt = performance.now()
    const due = await store.findChores()
    if (!signal.aborted) onLook?.(due)
    begin(due)
  }
  /** Others do not look for all of the chores, so however often they look, ours comes in the end. */
  const untilDue = (): number => {
    if (signal.aborted || seenAt === undefined) return 0
    const due = Math.max(seenAt + interval, lookedAt + PATIENCE * interval)
    return Math.min(due, lookedAt + LONGEST_WAIT * interval) - performance.now()
  }

  onSeen?.((due) => {
    seenAt = performance.now()
    begin(due)
  })

  const looking = every(interval, look, weather('look for chores'))
  return {
    start: () => looking.start(),
    stop: async () => {
      // First: no further chore begins after it, and those that run are told by it.
      stopping.abort()
      await looking.stop()
      await Promise.all(running.values())
    },
  }
}
