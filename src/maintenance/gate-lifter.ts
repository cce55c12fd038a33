import type { Store } from '../store/store.ts'

const INTERVAL = 5_000

/**
 * Lets jobs go on that are parked at a limit which has room: the one that should have let them in was deleted, or moved
 * to another time. Answers how many; undefined where another process has this turn.
 */
export async function liftGates(
  store: Pick<Store, 'takeTurn' | 'liftGates'>,
  signal: AbortSignal,
): Promise<number | undefined> {
  if (!(await store.takeTurn('lift_gates', INTERVAL))) return undefined
  let opened = 0
  let batch = await store.liftGates()
  for (;;) {
    opened += batch.opened
    if (batch.next === undefined || signal.aborted) return opened
    batch = await store.liftGates(batch.next)
  }
}
