import { startTimer } from './timer.ts'

const FIRST_DELAY = 50
const LONGEST_DELAY = 5_000

/** How to try again. */
export interface RetryOptions {
  /** Whether a second try can help. */
  readonly isTransient: (error: unknown) => boolean
  /** Told of every failure that will be retried; `attempt` is 1-based. */
  readonly onRetry: (error: unknown, attempt: number) => void
  /** Ends the waiting: the last error is thrown. */
  readonly signal?: AbortSignal | undefined
}

/** Tries until it works, a failure is not transient, or the signal aborts; waits longer each time, with jitter. */
export async function retry<T>(work: () => Promise<T>, options: RetryOptions): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (!options.isTransient(error) || isAborted(options.signal)) throw error
      options.onRetry(error, attempt)
      await pause(delayAfter(attempt), options.signal)
      if (isAborted(options.signal)) throw error
    }
  }
}

function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true
}

/** Full jitter over the upper half: processes that failed together do not return together. */
function delayAfter(attempt: number): number {
  const ceiling = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** Math.min(attempt - 1, 20))
  return ceiling * (0.5 + Math.random() / 2)
}

/** Resolves after `ms`, or when the signal aborts. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted === true) return
  await new Promise<void>((resolve) => {
    const end = (): void => {
      timer.stop()
      signal?.removeEventListener('abort', end)
      resolve()
    }
    const timer = startTimer(ms, end)
    signal?.addEventListener('abort', end)
  })
}
