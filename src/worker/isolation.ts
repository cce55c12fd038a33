import { Fifo } from '../runtime/fifo.ts'
import { startTimer, type Timer } from '../runtime/timer.ts'
import type { ClaimedJob } from '../store/claim-jobs.ts'
import type { Lane } from './lane.ts'

/** Crashes after which a job runs alone: it may be what its processes died of, or have been beside that. */
const SUSPECT = 2
/** Milliseconds that others have to end before it is put off: a process is not to stand still for long because of it. */
const LONGEST_WAIT = 10_000
/** Milliseconds of one that runs alone from which on those behind it are better off elsewhere. */
const LONG = 500

export interface IsolationOptions {
  readonly lanes: readonly Lane[]
  /** Tells the database that this job runs alone from now on. Never rejects: untold, a crash is only counted. */
  readonly tell: (job: ClaimedJob) => Promise<void>
  readonly start: (lane: Lane, job: ClaimedJob) => void
  /** The others did not end in time. */
  readonly putOff: (job: ClaimedJob) => void
  /** Others may run again. */
  readonly onOver: () => void
  /** Monotonic milliseconds. */
  readonly now: () => number
}

interface Suspect {
  readonly lane: Lane
  readonly job: ClaimedJob
}

/**
 * Jobs that run alone in their process, one after the other, and the wait for that: nothing else starts and nothing is asked for
 * until they have ended or are put off. If the process dies then, it was the one that ran.
 */
export class Isolation {
  readonly #options: IsolationOptions
  readonly #waiting = new Fifo<Suspect>()
  /** The one that runs, or is about to. */
  #alone: (Suspect & { readonly since: number; isRunning: boolean }) | undefined
  #patience: Timer | undefined

  constructor(options: IsolationOptions) {
    this.#options = options
  }

  static isSuspect({ crashes }: ClaimedJob): boolean {
    return crashes >= SUSPECT
  }

  get isActive(): boolean {
    return this.#alone !== undefined || this.#waiting.size > 0
  }

  /** From now on nothing else starts here. */
  add(lane: Lane, job: ClaimedJob): void {
    this.#waiting.push({ lane, job })
    for (const each of this.#options.lanes) each.isHeld = true
  }

  /** The next one starts if nothing runs any more; `running`: so many do. */
  proceed(running: number): void {
    if (this.#alone !== undefined || this.#waiting.size === 0) return
    if (running > 0) {
      this.#patience ??= startTimer(LONGEST_WAIT, () => {
        for (const job of this.take(() => true)) this.#options.putOff(job)
      })
      return
    }
    this.#endPatience()
    const next = this.#waiting.shift()
    if (next !== undefined) void this.#begin(next)
  }

  async #begin(suspect: Suspect): Promise<void> {
    const alone = { ...suspect, since: this.#options.now(), isRunning: false }
    this.#alone = alone
    await this.#options.tell(suspect.job)
    // It may have been taken back meanwhile.
    if (this.#alone !== alone) return
    alone.isRunning = true
    this.#options.start(suspect.lane, suspect.job)
  }

  /** Those that wait and are meant: they will not run here. */
  take(isMeant: (job: ClaimedJob) => boolean): ClaimedJob[] {
    const taken = this.#waiting.takeWhere(({ job }) => isMeant(job)).map(({ job }) => job)
    if (this.#alone !== undefined && !this.#alone.isRunning && isMeant(this.#alone.job)) {
      taken.unshift(this.#alone.job)
      this.#alone = undefined
    }
    if (taken.length > 0) this.#endIfOver()
    return taken
  }

  /** Those that wait behind one that takes long. */
  takeExcess(now: number): ClaimedJob[] {
    const isLong = this.#alone !== undefined && now - this.#alone.since > LONG
    return isLong ? this.#waiting.drain().map(({ job }) => job) : []
  }

  ended(job: ClaimedJob): void {
    if (this.#alone?.job !== job) return
    this.#alone = undefined
    this.#endIfOver()
  }

  #endIfOver(): void {
    if (this.isActive) return
    this.#endPatience()
    for (const lane of this.#options.lanes) lane.isHeld = false
    this.#options.onOver()
  }

  #endPatience(): void {
    this.#patience?.stop()
    this.#patience = undefined
  }
}
