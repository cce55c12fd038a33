import type { Store } from '../store/store.ts'

const INTERVAL = 5_000
/** Looking takes a twentieth of the time at the most, however many gates there are. */
const REST = 20

/**
 * Lets jobs go on that are parked at a limit which has room: the one that should have let them in was deleted, or moved
 * to another time. A run answers how many; undefined where another process has this turn, or this one has looked enough.
 *
 * @param now monotonic milliseconds
 */
export function gateLifter(
  store: Pick<Store, 'takeTurn' | 'liftGates'>,
  now: () => number = () => performance.now(),
): (signal: AbortSignal) => Promise<number | undefined> {
  let restsUntil = 0
  return async (signal) => {
    const begun = now()
    if (begun < restsUntil || !(await store.takeTurn('lift_gates', INTERVAL))) return undefined
    let opened = 0
    let batch = await store.liftGates()
    for (;;) {
      opened += batch.opened
      if (batch.next === undefined || signal.aborted) break
      batch = await store.liftGates(batch.next)
    }
    restsUntil = begun + (now() - begun) * REST
    return opened
  }
}
