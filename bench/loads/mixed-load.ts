// A fast queue beside a slow one, of any system.
import { setTimeout as delay } from 'node:timers/promises'
import { payloadsOf, type JobSystem, type Lane } from './job-system.ts'
import { RunCheck, numberOf } from './run-check.ts'

export interface MixedLoad {
  /** Jobs of the fast queue: they do nothing. */
  readonly jobs: number
  readonly warmUp: number
  readonly isBesideSlow: boolean
  /** Jobs of the slow queue: more than can be done in the meantime. */
  readonly slowJobs: number
  readonly slowMs: number
  /** Slow handlers at once. How many fast ones there are is left to the system. */
  readonly slowConcurrency: number
}

export const MIXED_QUEUES = ['fast', 'slow'] as const

const CHUNK = 10_000

/** Jobs of the fast queue per second, from when its worker is there until the store has it that all are done. */
export async function measureMixed(system: JobSystem, load: MixedLoad): Promise<number> {
  await measure(system, { ...load, jobs: load.warmUp, isBesideSlow: false })
  return measure(system, load)
}

async function measure(system: JobSystem, load: MixedLoad): Promise<number> {
  const { jobs, isBesideSlow, slowJobs } = load
  await addAll(system, 'fast', jobs)
  if (isBesideSlow) await addAll(system, 'slow', slowJobs)
  await system.settleDown?.()
  const check = new RunCheck(jobs)
  const slow = new SlowLane(load)
  const fast: Lane = { queue: 'fast', handler: (payload) => check.ran(numberOf(payload)) }
  const started = performance.now()
  const working = await system.work(isBesideSlow ? [fast, slow.lane] : [fast])
  while (check.count < jobs || !(await system.isEmpty('fast'))) await delay(5)
  const seconds = (performance.now() - started) / 1_000
  check.verify()
  if (isBesideSlow) slow.verify()
  const stopped = working.stop()
  slow.end()
  await stopped
  return jobs / seconds
}

/** Handlers that take their time, unless the measurement is over. */
class SlowLane {
  readonly lane: Lane
  readonly #started = new Set<number>()
  readonly #ended = new AbortController()
  readonly #jobs: number

  constructor({ slowJobs, slowMs, slowConcurrency }: MixedLoad) {
    this.#jobs = slowJobs
    this.lane = {
      queue: 'slow',
      concurrency: slowConcurrency,
      handler: async (payload) => {
        const n = numberOf(payload)
        if (this.#started.has(n)) throw new Error(`Slow job ${n} ran twice: the measurement is void.`)
        this.#started.add(n)
        await delay(slowMs, undefined, { signal: this.#ended.signal }).catch(() => undefined)
      },
    }
  }

  /** @throws where it was not in the way all the time */
  verify(): void {
    const started = this.#started.size
    if (started === 0 || started >= this.#jobs)
      throw new Error(`${started} of ${this.#jobs} slow jobs were started: the measurement is void.`)
  }

  end(): void {
    this.#ended.abort()
  }
}

async function addAll(system: JobSystem, queue: string, jobs: number): Promise<void> {
  for (let from = 0; from < jobs; from += CHUNK)
    await system.add(queue, payloadsOf(from, Math.min(CHUNK, jobs - from)))
}
