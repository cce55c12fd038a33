// Who offers the jobs of a steady load: every 10 ms it adds all that is due by then in one call, one call after the
// other, so that a system that adds slowly gets larger calls, not a queue of them. It is the same for every system.
import { setTimeout as delay } from 'node:timers/promises'
import { payloadsOf, type JobSystem } from './job-system.ts'

export interface Producer {
  /** Adds no more, and answers how many jobs it has added in all. */
  stop(): Promise<number>
  /** Never resolves; rejects where it could not go on. */
  readonly failed: Promise<never>
}

export const STEADY_QUEUE = 'steady'

const TICK_MS = 10

/** Adds so many jobs per second, from this process. */
export function produce(system: JobSystem, rate: number): Producer {
  const stopped = new AbortController()
  const adding = (async () => {
    let added = 0
    const started = performance.now()
    while (!stopped.signal.aborted) {
      await delay(TICK_MS)
      const due = Math.floor(((performance.now() - started) / 1_000) * rate)
      if (due > added) await system.add(STEADY_QUEUE, payloadsOf(added, due - added))
      added = due
    }
    return added
  })()
  return {
    stop: () => {
      stopped.abort()
      return adding
    },
    failed: failureOf(adding),
  }
}

/** Its `failed`, of the promise of its work. */
export function failureOf(adding: Promise<unknown>): Promise<never> {
  const failed = adding.then((): Promise<never> => new Promise(() => undefined))
  // Whoever no longer asks need not know.
  failed.catch(() => undefined)
  return failed
}
