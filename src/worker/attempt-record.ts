import type { Json } from '../core/json.ts'
import type { Outcome } from '../core/outcome.ts'
import type { ClaimedJob } from '../store/claim-jobs.ts'
import type { RunningJob } from './running-job.ts'

/**
 * What one execution has used beside its payload: transactions of its own, steps, sleeps. Made when the handler first
 * uses any of it, so that the others cost nothing.
 */
export class AttemptRecord {
  readonly running: RunningJob
  /** What the handler completed with in a transaction; whether that committed is for the database to say. */
  completed: { readonly result: Json | undefined } | undefined
  /** Milliseconds, where the handler went to sleep: whatever it says behind that, it is run again then. */
  sleepsFor: number | undefined
  /** Calls that lock the job's row on transactions of the handler's. */
  readonly #locking = new Set<Promise<unknown>>()
  #hasLocked = false

  constructor(running: RunningJob) {
    this.running = running
  }

  /** Transactions of the handler's may hold the job's row: a settlement would have to wait for them. */
  get hasLocked(): boolean {
    return this.#hasLocked
  }

  /** Keeps `call`, which takes the job's row into a transaction of the handler's, in mind. */
  async locking<T>(call: Promise<T>): Promise<T> {
    this.#hasLocked = true
    this.#locking.add(call)
    try {
      return await call
    } finally {
      this.#locking.delete(call)
    }
  }

  /** Resolves when no such call is under way. A handler may have ended without awaiting one. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#locking)
  }

  /** What the execution came to: who sleeps is run again, unless the execution was ended from outside. */
  outcome(outcome: Outcome): Outcome {
    if (this.sleepsFor === undefined || this.running.abortReason !== undefined) return outcome
    return { kind: 'snoozed', delay: this.sleepsFor }
  }
}

/** The records of executions under way, by the job as it was claimed. */
export class AttemptRecords {
  readonly #records = new WeakMap<ClaimedJob, AttemptRecord>()

  /** The record of an execution, made where there is none yet. */
  of(running: RunningJob): AttemptRecord {
    const known = this.#records.get(running.job)
    if (known !== undefined) return known
    const record = new AttemptRecord(running)
    this.#records.set(running.job, record)
    return record
  }

  find(job: ClaimedJob): AttemptRecord | undefined {
    return this.#records.get(job)
  }
}
