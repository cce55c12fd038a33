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
  /** Resolves when the last of them is done and the database has it. */
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
  verify({ keys, jobs }: Lines): void {
    for (let key = 0; key < keys; key++) {
      if (this.#next.get(key) !== jobs) throw new Error(`Key ${key} is not done: the measurement is void.`)
    }
  }
}

/** Milliseconds from when the jobs are there until the last one is done. */
export async function measureLines(
  open: (check: LineCheck, count: number) => Promise<LineWorker>,
  lines: Lines,
): Promise<number> {
  const warmUp = { keys: 2, jobs: 5 }
  await measureOnce(open, warmUp)
  return measureOnce(open, lines)
}

async function measureOnce(
  open: (check: LineCheck, count: number) => Promise<LineWorker>,
  lines: Lines,
): Promise<number> {
  const check = new LineCheck()
  const worker = await open(check, lines.keys * lines.jobs)
  try {
    const jobs = Array.from({ length: lines.jobs }, (_, n) =>
      Array.from({ length: lines.keys }, (__, key) => ({ key, n })),
    )
    await worker.add(jobs.flat())
    const begun = performance.now()
    await worker.done()
    const took = performance.now() - begun
    check.verify(lines)
    return took
  } finally {
    await worker.close()
  }
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
