import { setTimeout as delay } from 'node:timers/promises'

/** Asks every 20 ms until there is an answer. Rejects with the signal's reason once that aborts. */
export async function until<T>(
  ask: () => T | undefined | Promise<T | undefined>,
  signal: AbortSignal,
): Promise<T> {
  for (;;) {
    signal.throwIfAborted()
    const answer = await ask()
    if (answer !== undefined) return answer
    await delay(20)
  }
}
