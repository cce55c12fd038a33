// Where claims begin to look: behind what this process knows to be gone, so that a transaction that holds back vacuum does
// not make each claim walk over all jobs that have run. sql/migrations/0008_claim_jobs.sql says what a mark may be.
import type { ClaimEnd, ClaimMark, ClaimMarks, ClaimTime, LaneMark } from '../store/claim-jobs.ts'

/** Looking without marks takes the fiftieth part of a process's time at the most. */
const FULL_LOOK_SHARE = 50
/** Times of claims that are remembered; where a transaction goes on for long, they become sparser. */
const MOST_TIMES = 256
const LANES = 16
const START: ClaimMark = { at: 0, id: '0' }

/** What a claim was sent with: what its answer says holds beside these. */
export interface MarkedClaim {
  readonly marks: ClaimMarks
  /** Microseconds since 1970; undefined where no mark can be made yet. */
  readonly horizon: number | undefined
  readonly generation: number
  readonly sentAt: number
}

export interface LowWaterMarksOptions {
  /** Milliseconds between two looks without marks, at least. */
  readonly interval: number
  /** Monotonic milliseconds. */
  readonly now: () => number
}

export class LowWaterMarks {
  readonly #options: LowWaterMarksOptions
  /** Queue to a mark for each of its lanes. */
  readonly #marks = new Map<number, ClaimMark[]>()
  /** When claims began, and as which transaction, oldest first; above the horizon. */
  #times: { readonly now: number; readonly xid: number }[] = []
  #horizon: number | undefined
  #paused: readonly number[] = []
  /** Marks that were made before something shook them do not count. */
  #generation = 0
  #fullLookAt = 0

  constructor(options: LowWaterMarksOptions) {
    this.#options = options
    this.#fullLookAt = options.now() + options.interval
  }

  /** For a claim that is about to be sent. Now and then it has no marks, to find what was passed for no good reason. */
  forClaim(): MarkedClaim {
    const sentAt = this.#options.now()
    if (sentAt >= this.#fullLookAt) {
      this.forget()
      this.#fullLookAt = Infinity
    }
    return {
      marks: { places: this.#listed(), paused: this.#paused },
      horizon: this.#horizon,
      generation: this.#generation,
      sentAt,
    }
  }

  answered(claim: MarkedClaim, { time, paused, ends }: ClaimEnd): void {
    if (claim.marks.places.length === 0) this.#lookedFully(claim.sentAt)
    this.#learn(time)
    if (claim.generation !== this.#generation || claim.horizon === undefined) return
    if (!isSame(paused, this.#paused)) {
      // This claim began at the start, so what it found holds.
      this.forget()
      this.#paused = paused
    }
    if (this.#isAhead(time.now)) this.forget()
    const horizon: ClaimMark = { at: Math.min(claim.horizon, time.now), id: '0' }
    for (const end of ends) this.#raise(end, horizon)
  }

  /** A claim may have been rolled back: what others passed because it was locked is there again. */
  forget(): void {
    this.#marks.clear()
    this.#generation += 1
  }

  #lookedFully(since: number): void {
    const { now, interval } = this.#options
    this.#fullLookAt = now() + Math.max(interval, FULL_LOOK_SHARE * (now() - since))
  }

  #listed(): ClaimMarks['places'] {
    return [...this.#marks].flatMap(([queue, lanes]) => {
      const [first = START] = lanes
      if (lanes.every((mark) => mark === first)) return first === START ? [] : [{ queue, lane: -1, ...first }]
      return lanes.map((mark, lane) => ({ queue, lane, ...mark }))
    })
  }

  /** The clock was put back: new jobs may lie before marks. */
  #isAhead(now: number): boolean {
    for (const lanes of this.#marks.values()) {
      if (lanes.some((mark) => mark.at > now)) return true
    }
    return false
  }

  /** All lanes before the one where the claim ended had nothing more, that one nothing before its end. */
  #raise({ queue, lane, at, id }: LaneMark, horizon: ClaimMark): void {
    const lanes = this.#marks.get(queue) ?? Array.from({ length: LANES }, () => START)
    this.#marks.set(queue, lanes)
    const through = lane < 0 ? LANES : lane & (LANES - 1)
    for (let number = 0; number < through; number++) lanes[number] = horizon
    // Those above are for what has come back, and have no marks.
    if (lane >= 0 && lane < LANES) lanes[lane] = earlier({ at, id }, horizon)
  }

  #learn({ now, xid, xmin }: ClaimTime): void {
    if (this.#times.length >= MOST_TIMES) this.#times = this.#times.filter((_, index) => index % 2 === 1)
    if (xid !== undefined) this.#times.push({ now, xid })
    const firstOpen = this.#times.findIndex((time) => time.xid >= xmin)
    const ended = this.#times.splice(0, firstOpen < 0 ? this.#times.length : firstOpen)
    this.#horizon = ended.at(-1)?.now ?? this.#horizon
  }
}

function isSame(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index])
}

function earlier(a: ClaimMark, b: ClaimMark): ClaimMark {
  if (a.at !== b.at) return a.at < b.at ? a : b
  return b
}
