// The jobs of held-xmin, the same for every system: which they are can be told from their number, in every process.
import { numberOf } from '../loads/run-check.ts'

export interface HeldJob {
  readonly n: number
  readonly priority: number
}

const PRIORITIES = [0, 5, 10] as const

/** What a job that fails waits for its second attempt, in milliseconds. */
export const BACKOFF = 100

export function heldJob(n: number): HeldJob {
  return { n, priority: PRIORITIES[n % PRIORITIES.length] ?? 0 }
}

/** One in twenty fails on its first attempt. */
export const failsFirst = (n: number): boolean => n % 20 === 7

/** One in a hundred is added by a transaction that commits late. */
export const isLate = (n: number): boolean => n % 100 === 50

/** How often a job must have run in the end. */
export const runsOf = (n: number): number => (failsFirst(n) ? 2 : 1)

/** What one process has run, for the parent to hear of. */
export class HeldLog {
  /** How often each job ran here. */
  readonly runs: Uint8Array
  /** When the late ones started: number, time. */
  readonly lateStarts: [n: number, at: number][] = []
  #started = 0
  #completed = 0

  constructor(jobs: number) {
    this.runs = new Uint8Array(jobs)
  }

  /** The handler. @throws on the first attempt of a job that fails */
  run(payload: unknown, attempt: number): void {
    const n = numberOf(payload)
    this.runs[n] = (this.runs[n] ?? 0) + 1
    if (attempt > 1) return
    if (isLate(n)) this.lateStarts.push([n, Date.now()])
    else this.#started += 1
    if (failsFirst(n)) throw new Error('Fails once, as planned.')
  }

  /** The database has it that so many are done. */
  completed(count = 1): void {
    this.#completed += count
  }

  /** Jobs that were not late and started for the first time. */
  get startedCount(): number {
    return this.#started
  }

  get completedCount(): number {
    return this.#completed
  }
}
