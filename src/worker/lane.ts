import { Fifo } from '../runtime/fifo.ts'
import type { ClaimedJob, ToldJob } from '../store/claim-jobs.ts'
import { Pace } from './pace.ts'

/**
 * How far ahead to claim, in milliseconds: what the handlers will take meanwhile waits in memory, and no more. More than
 * a claim takes, or handlers would run dry while one is on its way, and the less is done, the less would be asked for.
 */
const SHORTEST_HORIZON = 25
/** Milliseconds. Whoever claims more slowly waits for others who claim, and for a turn of its own: then few large claims do best. */
const SLOW_CLAIM = 100
/** How far ahead to claim, in what a claim takes. */
const AHEAD = { usually: 2, whereSlow: 8 }
/** What one claim counts for in what claims take. */
const NEWEST = 0.2
/** From how far ahead on, in milliseconds, what waits is better off with another process. */
const FAR_AHEAD = 500
/** Jobs in memory at the most, beside the running ones. */
const LARGEST_BUFFER = 2_000
/** At a time. Whoever needs more sends a second claim while the first is on its way. */
const LARGEST_CLAIM = 1_000

/** What a claim on its way asked of a lane, and what the lane had heard by then. */
export interface AskedOfLane {
  readonly count: number
  /** The answer is to say, too, when the next job falls due. */
  readonly isSurvey: boolean
  readonly wakes: number
  readonly at: number
  /** Nothing is ready but this job. */
  readonly told: ToldJob | undefined
}

/**
 * One queue's share of this process (or all queues', where they share): its slots, the jobs that wait in memory for
 * one, and whether the database is known to have no more.
 */
export class Lane {
  readonly concurrency: number
  readonly buffer = new Fifo<ClaimedJob>()
  running = 0
  /** Asks for nothing: somebody runs alone, or is about to. */
  isHeld = false
  /** Known to have nothing ready: asking again is for a wake-up, a due time or the poll. */
  #dry = false
  /** When the next job falls due is known, or a claim on its way will tell. */
  #isSurveyed = false
  /** What it was woken for, where nothing else is ready. */
  #told: ToldJob | undefined
  /** How often it was woken: a claim that was sent before may not have seen why. */
  #wakes = 0
  /** What the claims on their way asked for. */
  #asked = 0
  readonly #pace: Pace
  #ahead = 0
  #claimTakes = 0
  #startedAt: number

  constructor(concurrency: number, now: number) {
    this.concurrency = concurrency
    this.#pace = new Pace(concurrency, now)
    this.#startedAt = now
  }

  /** Whether it is time to ask for more: while enough waits in memory, a claim is not worth a statement. */
  get isLow(): boolean {
    return (
      !this.isHeld &&
      !this.#dry &&
      // Two claims on their way would not keep jobs in the order of their turns, which who asks for one at a time expects.
      // And where claims are slow, others are in each other's way already.
      (this.#asked === 0 || (this.concurrency > 1 && this.#claimTakes < SLOW_CLAIM)) &&
      this.buffer.size + this.#asked <= this.#ahead / 2 &&
      this.running + this.buffer.size + this.#asked < this.concurrency + this.#ahead
    )
  }

  /**
   * How many a claim that is sent now has to bring; undefined for none. For quick handlers ahead, for slow ones never:
   * another process could run those.
   */
  ask(now: number): AskedOfLane | undefined {
    if (!this.isLow) return undefined
    const likely = this.#pace.rate(now) * this.#horizon
    this.#ahead = Math.floor(Math.min(LARGEST_BUFFER, likely, this.#pace.capacity * FAR_AHEAD))
    const room = this.concurrency - this.running + this.#ahead - this.buffer.size - this.#asked
    if (room <= 0) return undefined
    const count = Math.min(LARGEST_CLAIM, room)
    this.#asked += count
    const isSurvey = !this.#isSurveyed
    this.#isSurveyed = true
    const told = this.#told
    this.#told = undefined
    return { count, isSurvey, wakes: this.#wakes, at: now, told }
  }

  get #horizon(): number {
    const ahead = this.#claimTakes > SLOW_CLAIM ? AHEAD.whereSlow : AHEAD.usually
    return Math.max(SHORTEST_HORIZON, ahead * this.#claimTakes)
  }

  /** Its answer is here, or will never come. `dry`: there was less than was asked for. */
  answered(asked: AskedOfLane, dry: boolean, now: number): void {
    this.#asked -= asked.count
    this.#claimTakes += NEWEST * (now - asked.at - this.#claimTakes)
    if (dry) this.#dry = this.#wakes === asked.wakes
    else {
      this.#isSurveyed = false
      this.#told = undefined
    }
  }

  /** A claimed job, which waits for a slot from now on. */
  put(job: ClaimedJob, now: number): void {
    // Who waits behind nobody has not been kept waiting yet.
    if (this.buffer.size === 0) this.#startedAt = now
    this.buffer.push(job)
  }

  /** What waits although handlers have become slow: nobody else can run it while we hold it. */
  takeExcess(now: number): readonly ClaimedJob[] {
    const isStalled = now - this.#startedAt > FAR_AHEAD
    // Those that have a slot start in a moment, unless somebody runs alone.
    const free = this.isHeld ? 0 : this.concurrency - this.running
    const reach = Math.max(free, isStalled ? 0 : Math.ceil(this.#pace.capacity * FAR_AHEAD))
    return this.buffer.size > reach ? this.buffer.takeLast(this.buffer.size - reach) : []
  }

  /** The next job to start, where there is one and a slot for it. */
  next(now: number): ClaimedJob | undefined {
    if (this.running >= this.concurrency) return undefined
    const job = this.buffer.shift()
    if (job === undefined) return undefined
    this.begin(now)
    return job
  }

  /** A job starts that waited elsewhere. */
  begin(now: number): void {
    this.running += 1
    this.#startedAt = now
  }

  /** A handler ended after so many milliseconds. */
  ended(duration: number): void {
    this.running -= 1
    this.#pace.finished(duration)
  }

  /** There may be something ready, `job` or more, or, unless it is said to be ready, something that falls due. */
  wake(isReady = false, job?: ToldJob): void {
    this.#told = this.#dry && isReady ? job : undefined
    this.#dry = false
    if (!isReady) this.#isSurveyed = false
    this.#wakes += 1
  }
}
