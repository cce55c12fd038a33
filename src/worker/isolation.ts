import { Fifo } from '../runtime/fifo.ts'
import { startTimer, type Timer } from '../runtime/timer.ts'
import type { ClaimedJob } from '../store/claim-jobs.ts'
import type { Lane } from './lane.ts'
import type { RunningJob } from './running-job.ts'

/** Crashes after which a job runs alone: it may be what its processes died of, or have been beside that. */
const SUSPECT = 2
/** Milliseconds that others have to end before it is put off: a process is not to stand still for long because of it. */
const LONGEST_WAIT = 10_000
/** Milliseconds of one that runs alone from which on those behind it are better off elsewhere. */
const LONG = 500

export interface IsolationOptions {
  readonly lanes: readonly Lane[]
  /**
   * Tells the database that this job runs alone from now on. False: it is no longer ours to run. Never rejects: untold, a crash
   * is only counted.
   */
  readonly tell: (job: ClaimedJob) => Promise<boolean>
  readonly start: (lane: Lane, job: ClaimedJob) => void
  /** It is no longer ours to run. */
  readonly giveBack: (job: ClaimedJob) => void
  /** The others did not end in time. */
  readonly putOff: (job: ClaimedJob) => void
  /** Handlers that have not returned, those included that were left behind. */
  readonly atWork: () => readonly RunningJob[]
  /** Others may run again. */
  readonly onOver: () => void
  /** Monotonic milliseconds. */
  readonly now: () => number
}

interface Suspect {
  readonly lane: Lane
  readonly job: ClaimedJob
}

/** The one that runs, is about to, or has ended and is not settled yet: until then a death would be taken for its doing. */
interface Lone extends Suspect {
  readonly since: number
  state: 'told' | 'runs' | 'ended'
}

/**
 * Jobs that run alone in their process, one after the other, and the wait for that: nothing else starts and nothing is asked for
 * until they have ended and are settled, or are put off. If the process dies then, it was the one that ran.
 */
export class Isolation {
  readonly #options: IsolationOptions
  readonly #waiting = new Fifo<Suspect>()
  #lone: Lone | undefined
  #patience: Timer | undefined
  /** Handlers for which nobody waits any more: while one of them is at work, nothing else would stand still with success. */
  readonly #tooLong = new Set<RunningJob>()

  constructor(options: IsolationOptions) {
    this.#options = options
  }

  static isSuspect({ crashes }: ClaimedJob): boolean {
    return crashes >= SUSPECT
  }

  get isActive(): boolean {
    return this.#lone !== undefined || this.#waiting.size > 0
  }

  /** From now on nothing else starts here, unless it would be in vain: then it is put off. */
  add(lane: Lane, job: ClaimedJob): void {
    if (this.#tooLong.size > 0) {
      this.#options.putOff(job)
      return
    }
    this.#waiting.push({ lane, job })
    for (const each of this.#options.lanes) each.isHeld = true
  }

  /** The next one starts if nothing is at work any more. */
  proceed(): void {
    if (this.#lone !== undefined || this.#waiting.size === 0) return
    if (this.#options.atWork().length > 0) {
      this.#patience ??= startTimer(LONGEST_WAIT, () => this.#endWait())
      return
    }
    this.#endPatience()
    const next = this.#waiting.shift()
    if (next !== undefined) void this.#begin(next)
  }

  #endWait(): void {
    for (const running of this.#options.atWork()) this.#tooLong.add(running)
    for (const job of this.take(() => true)) this.#options.putOff(job)
  }

  async #begin(suspect: Suspect): Promise<void> {
    const lone: Lone = { ...suspect, since: this.#options.now(), state: 'told' }
    this.#lone = lone
    const isOurs = await this.#options.tell(suspect.job)
    // It may have been taken back meanwhile.
    if (lone.state !== 'told') return
    lone.state = isOurs ? 'runs' : 'ended'
    if (isOurs) this.#options.start(suspect.lane, suspect.job)
    else this.#options.giveBack(suspect.job)
  }

  /** Those that wait and are meant: they will not run here, and have to be settled. */
  take(isMeant: (job: ClaimedJob) => boolean): ClaimedJob[] {
    const taken = this.#waiting.takeWhere(({ job }) => isMeant(job)).map(({ job }) => job)
    if (this.#lone?.state === 'told' && isMeant(this.#lone.job)) {
      this.#lone.state = 'ended'
      taken.unshift(this.#lone.job)
    }
    if (taken.length > 0) this.#endIfOver()
    return taken
  }

  /** Those that wait behind one that takes long. */
  takeExcess(now: number): ClaimedJob[] {
    const isLong = this.#lone !== undefined && now - this.#lone.since > LONG
    return isLong ? this.#waiting.drain().map(({ job }) => job) : []
  }

  /** Its handler has ended, or was left behind. */
  ended(job: ClaimedJob): void {
    if (this.#lone?.job === job) this.#lone.state = 'ended'
  }

  /** Its handler is at work no more. */
  returned(running: RunningJob): void {
    this.#tooLong.delete(running)
    this.proceed()
  }

  /** Nothing more is written about these: the database knows what became of them, or will not hear it from us. */
  settled(entries: readonly { readonly job: ClaimedJob }[]): void {
    const lone = this.#lone
    if (lone?.state !== 'ended' || !entries.some(({ job }) => job === lone.job)) return
    this.#lone = undefined
    this.#endIfOver()
    this.proceed()
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
