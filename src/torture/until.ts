import { setTimeout as delay } from 'node:timers/promises'

export interface Patience {
  /** Milliseconds. */
  readonly within: number
  /** Milliseconds between two questions. @default 50 */
  readonly every?: number
  readonly signal: AbortSignal
}

/** Asks until the answer is yes. False when it was not in time. Rejects with the signal's reason once that aborts. */
export async function until(ask: () => boolean | Promise<boolean>, patience: Patience): Promise<boolean> {
  const { within, every = 50, signal } = patience
  const end = performance.now() + within
  for (;;) {
    signal.throwIfAborted()
    if (await ask()) return true
    if (performance.now() > end) return false
    await delay(every)
  }
}

/** A pause that ends early, and quietly, when the signal aborts. */
export async function rest(ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0) await delay(ms, undefined, { signal }).catch(() => undefined)
}
