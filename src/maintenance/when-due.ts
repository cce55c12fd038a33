import type { DueChores } from '../store/chores.ts'
import type { Store } from '../store/store.ts'

/** What is being done, for whoever reads of its failure, and how. */
type Chore = readonly [doing: string, run: (signal: AbortSignal) => Promise<unknown>]

/**
 * Chores that nearly never have anything to do: one question finds out for all of them. Each runs apart, so that one which
 * fails, or takes its time, keeps none of the others.
 */
export function whenDue(
  store: Pick<Store, 'findChores'>,
  weather: (doing: string) => (error: unknown) => void,
  chores: Readonly<Record<keyof DueChores, Chore>>,
): (signal: AbortSignal) => Promise<void> {
  const all = [
    ['rescue', ...chores.rescue],
    ['sweep', ...chores.sweep],
    ['park', ...chores.park],
    ['lift', ...chores.lift],
  ] as const
  return async (signal) => {
    const due = await store.findChores()
    await Promise.all(
      all.filter(([name]) => due[name]).map(([, doing, run]) => run(signal).catch(weather(doing))),
    )
  }
}
