// Node fires a timer of more than 2^31 - 1 ms at once; longer waits are made of several.
const LONGEST = 2_147_483_647

/** A timer that can be stopped. */
export interface Timer {
  stop(): void
}

/** Calls `fire` once, after `ms` milliseconds of any length; never, where `ms` is infinite. */
export function startTimer(ms: number, fire: () => void): Timer {
  if (ms === Infinity) return { stop: () => undefined }
  let handle: NodeJS.Timeout
  const wait = (left: number): void => {
    handle = left > LONGEST ? setTimeout(() => wait(left - LONGEST), LONGEST) : setTimeout(fire, left)
  }
  wait(Math.max(0, ms))
  return { stop: () => clearTimeout(handle) }
}
