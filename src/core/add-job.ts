import type { CheckedEntry, LooseEntry, NewJobSpec, PayloadFor, TakesNothing } from './job-entry.ts'
import type { JobOptions } from './job-options.ts'
import type { AddedJob } from './new-job.ts'
import type { AnyTask } from './task.ts'

/** Adds one job; resolves when the database has it (on the caller's transaction: once that commits). */
export interface AddJob {
  /** Without a payload, which then is `{}`: for tasks for which that is valid. */
  <T extends AnyTask | string>(task: T & TakesNothing<T>): Promise<AddedJob>
  /**
   * The payload is checked against the schema of the task. By name, for what has no contract at hand, it is
   * checked as JSON only.
   *
   * Rejects with a KongTaskError where anything is wrong, before anything is written.
   */
  <T extends AnyTask | string, P>(task: T, payload: PayloadFor<T, P>, options?: JobOptions): Promise<AddedJob>
}

/** Adds many jobs, all or none; the answer is in the order of the jobs. */
export interface AddJobs {
  /** For streams: any iterable of what `newJob` returned. It is read to its end before anything is written. */
  (jobs: Iterable<NewJobSpec>): Promise<AddedJob[]>
  /** Each entry's payload is checked against the entry's own task. */
  <const E extends readonly LooseEntry[]>(jobs: {
    readonly [K in keyof E]: E[K] & CheckedEntry<E[K]>
  }): Promise<AddedJob[]>
}

/** Both, bound to a client, to a handler's connections or to a transaction. */
export interface JobAdder {
  readonly addJob: AddJob
  readonly addJobs: AddJobs
}
