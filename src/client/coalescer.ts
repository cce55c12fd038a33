import type { AddedJob, NewJob } from '../core/new-job.ts'
import { Chunk } from './chunks.ts'
import { CoalescerBatch, type WriteJobs } from './coalescer-batch.ts'

export interface CoalescerOptions {
  readonly write: WriteJobs
  /** Milliseconds that a call may take, its wait for others included. */
  readonly deadline: number
  /** Statements that may be under way at once. */
  readonly most: number
}

/** Jobs and characters that share a statement; the next ones do not wait for its end. */
const MOST_JOBS = 1_000
const MOST_TEXT = 1024 * 1024
/** Milliseconds after which a statement that has not answered no longer holds up the others. */
const PATIENCE = 20

/**
 * Concurrent calls that add one job each share statements:
 *
 *     nothing under way   → the call goes at once
 *     one under way       → calls collect, and go together when it ends
 *     it is late          → they go on another connection; so one that is blocked does not block the rest
 *     too many under way  → they collect until one of those ends
 *
 * A job with a unique key shares with nobody: it may have to wait for somebody's transaction.
 */
export class Coalescer {
  readonly #options: CoalescerOptions
  readonly #waiting: CoalescerBatch[] = []
  /** Statements under way that may answer any moment, and such as are late. */
  #prompt = 0
  #late = 0

  constructor(options: CoalescerOptions) {
    this.#options = options
  }

  add(job: NewJob): Promise<AddedJob> {
    const { deadline, write } = this.#options
    if (isUnique(job)) {
      const alone = new CoalescerBatch(deadline, new Chunk())
      const added = alone.add(job)
      void alone.send(write)
      return added
    }
    const batch = this.#batchFor(job)
    const added = batch.add(job)
    this.#sendDue()
    batch.watch()
    return added
  }

  #batchFor(job: NewJob): CoalescerBatch {
    const last = this.#waiting.at(-1)
    if (last?.hasRoomFor(job) === true) return last
    const batch = new CoalescerBatch(this.#options.deadline, new Chunk(MOST_JOBS, MOST_TEXT))
    this.#waiting.push(batch)
    return batch
  }

  #sendDue(): void {
    for (let next = this.#waiting[0]; next !== undefined && this.#isDue(next); next = this.#waiting[0]) {
      this.#waiting.shift()
      this.#send(next)
    }
  }

  #isDue(batch: CoalescerBatch): boolean {
    if (this.#prompt + this.#late >= this.#options.most) return false
    // A full one gains nothing by waiting.
    return this.#prompt === 0 || batch.isFull || this.#waiting.length > 1
  }

  #send(batch: CoalescerBatch): void {
    let isLate = false
    this.#prompt++
    const timer = setTimeout(() => {
      isLate = true
      this.#prompt--
      this.#late++
      this.#sendDue()
    }, PATIENCE)
    void batch.send(this.#options.write).then(() => {
      clearTimeout(timer)
      if (isLate) this.#late--
      else this.#prompt--
      this.#sendDue()
    })
  }
}

/** As far as the caller can know: by name, the task's published defaults may make it so, which only the database sees. */
function isUnique({ options }: NewJob): boolean {
  return options.uniqueKey !== undefined || options.uniqueFor !== undefined
}
