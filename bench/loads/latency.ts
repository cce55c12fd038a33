// From adding a job to its handler's start, whatever the system: one at a time on an idle system, or at a rate.
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises'
import type { Measured } from '../frame/measure.ts'
import { percentile } from '../frame/percentile.ts'

/** One system at rest, with workers that have nothing to do. */
export interface LatencySystem {
  /** Adds job n, and resolves when it is added. */
  add(n: number): Promise<unknown>
  close(): Promise<void>
}

export type OpenLatency = (starts: Starts) => Promise<LatencySystem>

/** When jobs were due to be added, and how long after that they started. */
export class Starts {
  readonly waits: number[] = []
  readonly #due = new Map<number, number>()
  #empty: (() => void) | undefined
  #twice: number | undefined

  due(n: number, at: number): void {
    this.#due.set(n, at)
  }

  /** First thing in a handler. */
  started(n: number): void {
    const at = this.#due.get(n)
    // Not thrown here: that would be the handler's failure, and the job would only be retried.
    if (at === undefined) {
      this.#twice ??= n
      return
    }
    this.waits.push(performance.now() - at)
    this.#due.delete(n)
    if (this.#due.size === 0) this.#empty?.()
  }

  /** Resolves when every job that was due has started. @throws where one has started twice */
  async all(): Promise<void> {
    if (this.#due.size > 0) await new Promise<void>((resolve) => (this.#empty = resolve))
    if (this.#twice !== undefined) throw new Error(`Job ${this.#twice} ran twice: the measurement is void.`)
  }
}

const WARM_UP = 500
/** Milliseconds; far apart enough for a system to have come to rest, and in no step with anything that it does by itself. */
const PAUSE = 60
const SPREAD = 50

/** One at a time. */
export async function measureIdleLatency(open: OpenLatency, jobs: number): Promise<Measured> {
  return inSystem(open, async (system, starts, first) => {
    for (let n = first; n < first + jobs; n++) {
      await delay(PAUSE + Math.random() * SPREAD)
      starts.due(n, performance.now())
      await system.add(n)
      await starts.all()
    }
  })
}

export interface Rate {
  readonly perSecond: number
  readonly seconds: number
}

/**
 * At even times, whether or not earlier ones are done. Each wait counts from when the job was due to be added, so a process
 * that is too busy to add it in time is not flattered; a timer that is late by a millisecond counts, too.
 */
export async function measureLatencyAt(open: OpenLatency, { perSecond, seconds }: Rate): Promise<Measured> {
  return inSystem(open, async (system, starts, first) => {
    await addEvenly(system, starts, first, perSecond, perSecond)
    await starts.all()
    starts.waits.length = 0
    await addEvenly(system, starts, first + perSecond, perSecond * seconds, perSecond)
  })
}

async function addEvenly(
  system: LatencySystem,
  starts: Starts,
  first: number,
  jobs: number,
  perSecond: number,
): Promise<void> {
  const adding: Promise<unknown>[] = []
  const begun = performance.now()
  for (let index = 0; index < jobs;) {
    const at = begun + (index * 1_000) / perSecond
    const early = at - performance.now()
    if (early > 0) {
      await delay(early)
      continue
    }
    starts.due(first + index, at)
    adding.push(system.add(first + index))
    index += 1
    // Many may be overdue; what has arrived meanwhile must not wait for all of them.
    if (index % 100 === 0) await nextTurn()
  }
  await Promise.all(adding)
}

async function inSystem(
  open: OpenLatency,
  measure: (system: LatencySystem, starts: Starts, first: number) => Promise<void>,
): Promise<Measured> {
  const starts = new Starts()
  const system = await open(starts)
  try {
    for (let n = 0; n < WARM_UP; n++) {
      starts.due(n, performance.now())
      await system.add(n)
      await starts.all()
    }
    starts.waits.length = 0
    await measure(system, starts, WARM_UP)
    await starts.all()
  } finally {
    await system.close()
  }
  const { waits } = starts
  return { p50_ms: percentile(waits, 0.5), p99_ms: percentile(waits, 0.99), max_ms: percentile(waits, 1) }
}
