import type { ClaimedJob } from '../store/claim-jobs.ts'
import { startTimer, type Timer } from '../runtime/timer.ts'
import type { Lane } from './lane.ts'

/** Crashes after which a job runs alone: it may be what its processes died of, or have been beside that. */
const SUSPECT = 2
/** Milliseconds that others have to end before it is put off: a process is not to stand still for long because of it. */
const LONGEST_WAIT = 10_000

export interface IsolationOptions {
  readonly lanes: readonly Lane[]
  /** Tells the database that this job runs alone from now on. Never rejects: untold, a crash is only counted. */
  readonly tell: (job: ClaimedJob) => Promise<void>
  readonly start: (lane: Lane, job: ClaimedJob) => void
  /** The others did not end in time. */
  readonly putOff: (job: ClaimedJob) => void
  /** Others may run again. */
  readonly onOver: () => void
}

/**
 * One job that runs alone in its process, and the wait for that: nothing else starts and nothing is asked for, until it has
 * ended or is put off. If the process dies then, it was that job.
 */
export class Isolation {
  readonly #options: IsolationOptions
  #suspect: { readonly lane: Lane; readonly job: ClaimedJob } | undefined
  #state: 'waiting' | 'told' | 'running' = 'waiting'
  #patience: Timer | undefined

  constructor(options: IsolationOptions) {
    this.#options = options
  }

  static isSuspect({ crashes }: ClaimedJob): boolean {
    return crashes >= SUSPECT
  }

  get isActive(): boolean {
    return this.#suspect !== undefined
  }

  /** From now on nothing else starts here. */
  begin(lane: Lane, job: ClaimedJob, running: number): void {
    this.#suspect = { lane, job }
    this.#state = 'waiting'
    for (const each of this.#options.lanes) each.isHeld = true
    this.#patience = startTimer(LONGEST_WAIT, () => {
      const suspect = this.take(() => true)
      if (suspect !== undefined) this.#options.putOff(suspect)
    })
    this.proceed(running)
  }

  /** Another handler has ended, and so many run still. */
  proceed(running: number): void {
    const suspect = this.#suspect
    if (suspect === undefined || running > 0 || this.#state !== 'waiting') return
    this.#patience?.stop()
    this.#state = 'told'
    void this.#options.tell(suspect.job).then(() => {
      // It may have been taken back meanwhile.
      if (this.#suspect !== suspect) return
      this.#state = 'running'
      this.#options.start(suspect.lane, suspect.job)
    })
  }

  /** The one that waits, if it is meant: it will not run here. */
  take(isMeant: (job: ClaimedJob) => boolean): ClaimedJob | undefined {
    const job = this.#suspect?.job
    if (job === undefined || this.#state === 'running' || !isMeant(job)) return undefined
    this.#over()
    return job
  }

  ended(job: ClaimedJob): void {
    if (this.#suspect?.job === job) this.#over()
  }

  #over(): void {
    this.#suspect = undefined
    this.#patience?.stop()
    for (const lane of this.#options.lanes) lane.isHeld = false
    this.#options.onOver()
  }
}
