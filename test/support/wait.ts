import { setTimeout as delay } from 'node:timers/promises'

export interface EventuallyOptions {
  /** Milliseconds. @default 5000 */
  readonly within?: number
}

/**
 * Runs a check until it passes, and returns what it returns; fails with its last error when the time is over.
 * For what nobody announces, such as the end of another process. Where there is an event, await that.
 */
export async function eventually<T>(
  check: () => T | Promise<T>,
  { within = 5_000 }: EventuallyOptions = {},
): Promise<T> {
  const end = performance.now() + within
  for (;;) {
    try {
      return await check()
    } catch (error) {
      if (performance.now() > end) throw error
    }
    await delay(20)
  }
}

export interface Deferred<T> {
  readonly promise: Promise<T>
  resolve(value: T): void
  reject(reason: unknown): void
}

/** A promise that the test settles itself: the way to hold a handler in the middle, and to see it get there. */
export function deferred<T = void>(): Deferred<T> {
  let resolve: (value: T) => void = notYet
  let reject: (reason: unknown) => void = notYet
  const promise = new Promise<T>((onValue, onError) => {
    resolve = onValue
    reject = onError
  })
  return { promise, resolve, reject }
}

function notYet(): never {
  throw new Error('the promise has not been made yet')
}
