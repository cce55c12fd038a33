import { KongTaskError } from '../core/errors.ts'
import type { AddedJob, NewJob } from '../core/new-job.ts'
import { startTimer, type Timer } from '../runtime/timer.ts'
import { isRefusal } from '../store/sqlstate.ts'
import type { Chunk } from './chunks.ts'
import { copyOf } from './coalescer-fault.ts'

/**
 * Writes jobs in one statement: all or none, with the answers in their order. Ends within `deadline` milliseconds, and
 * then with KT_DEADLINE.
 */
export type WriteJobs = (jobs: readonly NewJob[], deadline: number) => Promise<readonly AddedJob[]>

interface Call {
  readonly job: NewJob
  /** By the process's clock, milliseconds. */
  readonly expiresAt: number
  readonly resolve: (added: AddedJob) => void
  readonly reject: (error: unknown) => void
  isOver: boolean
}

/**
 * Calls that share a statement. Each gets its own answer or error at its own deadline; one whose deadline passes
 * before the batch is sent is never written.
 */
export class CoalescerBatch {
  readonly #deadline: number
  readonly #chunk: Chunk
  readonly #calls: Call[] = []
  /** All before this one are over. */
  #oldest = 0
  #timer: Timer | undefined
  #isSent = false

  constructor(deadline: number, chunk: Chunk) {
    this.#deadline = deadline
    this.#chunk = chunk
  }

  get isFull(): boolean {
    return this.#chunk.isFull
  }

  hasRoomFor(job: NewJob): boolean {
    return this.#chunk.hasRoomFor(job)
  }

  /** Watch or send the batch afterwards: this alone keeps no deadline. */
  add(job: NewJob): Promise<AddedJob> {
    this.#chunk.push(job)
    return new Promise((resolve, reject) => {
      const expiresAt = performance.now() + this.#deadline
      this.#calls.push({ job, expiresAt, resolve, reject, isOver: false })
    })
  }

  /** Keeps the calls' deadlines, with one timer for all: they came in order and are given the same time. */
  watch(): void {
    if (this.#timer === undefined) this.#arm(performance.now())
  }

  /** Resolves when every call has its answer; never rejects. */
  async send(write: WriteJobs): Promise<void> {
    this.#endExpired(performance.now())
    this.#isSent = true
    await this.#settle(this.#calls, write)
    this.#timer?.stop()
  }

  #arm(now: number): void {
    const call = this.#oldestWatched()
    this.#timer = call && startTimer(timeUntil(call.expiresAt, now), () => this.#onTimer())
  }

  #onTimer(): void {
    const now = performance.now()
    this.#endExpired(now)
    this.#arm(now)
  }

  #endExpired(now: number): void {
    for (let call = this.#oldestWatched(); call !== undefined; call = this.#oldestWatched()) {
      if (call.expiresAt > now) return
      over(call).reject(this.#expired())
    }
  }

  #oldestWatched(): Call | undefined {
    while (this.#calls[this.#oldest]?.isOver === true) this.#oldest++
    // A statement has the time of its last call, and ends that one itself.
    const isLast = this.#oldest === this.#calls.length - 1
    return this.#isSent && isLast ? undefined : this.#calls[this.#oldest]
  }

  /** The database writes a statement or refuses it as a whole; then the halves tell on which side the culprit is. */
  async #settle(all: readonly Call[], write: WriteJobs): Promise<void> {
    const calls = all.filter(({ isOver }) => !isOver)
    const last = calls.at(-1)
    if (last === undefined) return
    const jobs = calls.map(({ job }) => job)
    try {
      const added = await write(jobs, timeUntil(last.expiresAt, performance.now()))
      calls.forEach((call, index) => answer(call, added[index]))
    } catch (error) {
      if (calls.length > 1 && isRefusal(error)) {
        const middle = calls.length >> 1
        await this.#settle(calls.slice(0, middle), write)
        await this.#settle(calls.slice(middle), write)
      } else {
        for (const call of calls) over(call).reject(this.#errorFor(error, calls.length))
      }
    }
  }

  /** Each call needs one of its own, which gets the stack of its caller. */
  #errorFor(error: unknown, calls: number): unknown {
    if (error instanceof KongTaskError && error.code === 'KT_DEADLINE') return this.#expired()
    return calls === 1 ? error : copyOf(error)
  }

  #expired(): KongTaskError {
    const advice = 'It may be overloaded, locked or unreachable; look there, or raise `deadline`.'
    return new KongTaskError(
      'KT_DEADLINE',
      this.#isSent
        ? `The database did not answer within ${this.#deadline} ms, and may still do what it was asked. ${advice}`
        : `The job waited ${this.#deadline} ms for others that the database did not answer, and was not written. ${advice}`,
    )
  }
}

function timeUntil(time: number, now: number): number {
  return Math.max(1, Math.ceil(time - now))
}

function answer(call: Call, added: AddedJob | undefined): void {
  if (added === undefined) over(call).reject(new TypeError('The database did not answer for this job.'))
  else over(call).resolve(added)
}

function over(call: Call): Call {
  call.isOver = true
  return call
}
