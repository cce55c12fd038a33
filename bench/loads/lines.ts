// What is measured of jobs that run one at a time per key, whatever the system.
import { setTimeout as delay } from 'node:timers/promises'

/** So many keys with so many jobs each. */
export interface Lines {
  readonly keys: number
  readonly jobs: number
}

/** What a handler takes, by a timer. */
const HANDLER = 5
/** Keys worked at once, the default of KongTask's runner. */
export const AT_ONCE = 10

export interface LineJob {
  readonly key: number
  readonly n: number
}

/** One system that works already and has nothing to do. */
export interface LineWorker {
  /** Adds the jobs of all keys in one call, the keys by turns. */
  add(jobs: readonly LineJob[]): Promise<unknown>
  /** Resolves when the last of those added is done and the database has it. */
  done(): Promise<void>
  close(): Promise<void>
}

/** Runs the jobs and sees that each key's come one at a time and in order. */
export class LineCheck {
  readonly #next = new Map<number, number>()
  readonly #running = new Set<number>()

  async work({ key, n }: LineJob): Promise<void> {
    if (this.#running.has(key))
      throw new Error(`Two jobs of key ${key} run at once: the measurement is void.`)
    const due = this.#next.get(key) ?? 0
    if (n !== due) throw new Error(`Job ${n} of key ${key} came before ${due}: the measurement is void.`)
    this.#running.add(key)
    await delay(HANDLER)
    this.#running.delete(key)
    this.#next.set(key, n + 1)
  }

  /** @throws where a job did not run */
  verify(jobs: readonly LineJob[]): void {
    const missing = jobs.find(({ key, n }) => (this.#next.get(key) ?? 0) <= n)
    if (missing !== undefined) throw new Error(`Key ${missing.key} is not done: the measurement is void.`)
  }
}

/** So many jobs ended, counted from the latest call of `expect`. */
export class Countdown {
  #left = 0
  #settle: { resolve: () => void; reject: (why: Error) => void } | undefined
  #done: Promise<void> = Promise.resolve()

  expect(count: number): void {
    this.#left = count
    this.#done = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject }
    })
  }

  get done(): Promise<void> {
    return this.#done
  }

  ended(): void {
    this.#left -= 1
    if (this.#left === 0) this.#settle?.resolve()
  }

  failed(why: string, cause: unknown): void {
    this.#settle?.reject(new Error(why, { cause }))
  }
}

/** Milliseconds from when the jobs are there until the last one is done, for a worker that has done some before. */
export async function measureLines(
  open: (check: LineCheck) => Promise<LineWorker>,
  lines: Lines,
): Promise<number> {
  const check = new LineCheck()
  const worker = await open(check)
  try {
    // Keys of its own, so that each connection has seen all statements a few times.
    await measure(worker, check, jobsOf({ keys: WARM_UP_KEYS, jobs: WARM_UP_JOBS }, lines.keys))
    return await measure(worker, check, jobsOf(lines, 0))
  } finally {
    await worker.close()
  }
}

const WARM_UP_KEYS = 2
const WARM_UP_JOBS = 10

function jobsOf({ keys, jobs }: Lines, firstKey: number): LineJob[] {
  return Array.from({ length: jobs }, (_, n) =>
    Array.from({ length: keys }, (__, index) => ({ key: firstKey + index, n })),
  ).flat()
}

async function measure(worker: LineWorker, check: LineCheck, jobs: readonly LineJob[]): Promise<number> {
  await worker.add(jobs)
  const begun = performance.now()
  await worker.done()
  const took = performance.now() - begun
  check.verify(jobs)
  return took
}

/** A payload as it comes back. */
export function lineJobOf(payload: unknown): LineJob {
  if (
    typeof payload === 'object' &&
    payload !== null &&
    'key' in payload &&
    typeof payload.key === 'number' &&
    'n' in payload &&
    typeof payload.n === 'number'
  ) {
    return { key: payload.key, n: payload.n }
  }
  throw new TypeError('A benchmark job came back with another payload than it was given.')
}
