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
  /** Statements under way that may answer any moment, oldest first: when each was sent, by the process's clock. */
  readonly #prompt: Sent[] = []
  /** How many are late. */
  #late = 0
  #timer: NodeJS.Timeout | undefined

  constructor(options: CoalescerOptions) {
    this.#options = options
  }

  add(job: NewJob): Promise<AddedJob> {
    if (isUnique(job)) return this.#write(job)
    this.#tellLate()
    if (this.#isFree() && this.#waiting.length === 0) return this.#writeAlone(job)
    const batch = this.#batchFor(job)
    const added = batch.add(job)
    this.#sendDue()
    batch.watch()
    return added
  }

  /** Most calls of most applications: spared whatever is for many. */
  async #writeAlone(job: NewJob): Promise<AddedJob> {
    const sent = this.#begin()
    try {
      return await this.#write(job)
    } finally {
      this.#end(sent)
    }
  }

  async #write(job: NewJob): Promise<AddedJob> {
    const [added] = await this.#options.write([job], this.#options.deadline)
    if (added === undefined) throw new TypeError('The database did not answer for this job.')
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
      const sent = this.#begin()
      void next.send(this.#options.write).then(() => this.#end(sent))
    }
    this.#awaitLate()
  }

  #isDue(batch: CoalescerBatch): boolean {
    if (this.#isFree()) return true
    // A full one gains nothing by waiting.
    return this.#hasRoom() && (batch.isFull || this.#waiting.length > 1)
  }

  #isFree(): boolean {
    return this.#prompt.length === 0 && this.#hasRoom()
  }

  #hasRoom(): boolean {
    return this.#prompt.length + this.#late < this.#options.most
  }

  #begin(): Sent {
    const sent = { at: performance.now(), isLate: false }
    this.#prompt.push(sent)
    return sent
  }

  #end(sent: Sent): void {
    if (sent.isLate) this.#late--
    else this.#prompt.splice(this.#prompt.indexOf(sent), 1)
    if (this.#waiting.length > 0) this.#sendDue()
  }

  #tellLate(): void {
    for (let oldest = this.#prompt[0]; oldest !== undefined; oldest = this.#prompt[0]) {
      if (performance.now() < oldest.at + PATIENCE) return
      oldest.isLate = true
      this.#prompt.shift()
      this.#late++
    }
  }

  /** Only somebody who waits needs to be told in time; whoever comes later looks at the clock. */
  #awaitLate(): void {
    const [oldest] = this.#prompt
    if (this.#waiting.length === 0 || oldest === undefined) {
      clearTimeout(this.#timer)
      this.#timer = undefined
      return
    }
    if (this.#timer !== undefined) return
    const left = Math.max(1, Math.ceil(oldest.at + PATIENCE - performance.now()))
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#tellLate()
      this.#sendDue()
    }, left)
  }
}

interface Sent {
  readonly at: number
  isLate: boolean
}

/** As far as the caller can know: by name, the task's published defaults may make it so, which only the database sees. */
function isUnique({ options }: NewJob): boolean {
  return options.uniqueKey !== undefined || options.uniqueFor !== undefined
}
