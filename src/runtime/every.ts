import type { Service } from './service.ts'
import { pause } from './retry.ts'

/**
 * Runs a chore again and again, one run at a time, `interval` ms ± 10 % after the end of the last. A run that throws
 * is reported, and the next one comes as usual.
 */
export function every(
  interval: number,
  runOnce: (signal: AbortSignal) => Promise<unknown>,
  onError: (error: unknown) => void,
): Service {
  const stopping = new AbortController()
  let loop: Promise<void> | undefined

  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await pause(interval * (0.9 + Math.random() * 0.2), stopping.signal)
      if (stopping.signal.aborted) return
      try {
        await runOnce(stopping.signal)
      } catch (error) {
        onError(error)
      }
    }
  }

  return {
    start: () => {
      loop ??= run()
      return Promise.resolve()
    },
    stop: async () => {
      stopping.abort()
      await loop
    },
  }
}
