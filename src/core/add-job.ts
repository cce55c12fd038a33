import type { CheckedEntry, LooseEntry, NewJobSpec, PayloadFor, TakesNothing } from './job-entry.ts'
import type { JobOptions } from './job-options.ts'
import type { AddedJob } from './new-job.ts'
import type { AnyTask } from './task.ts'

/**
 * Adds one job; resolves when the database has it (on the caller's transaction: once that commits). Concurrent calls
 * outside a transaction share statements; each has its own answer or error.
 */
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

/** Adds many jobs, all or none. */
export interface AddJobs {
  /**
   * Any iterable of what `newJob` returned. It is read to its end before anything is written; the answer is in the
   * order of the jobs.
   */
  (jobs: Iterable<NewJobSpec>): Promise<AddedJob[]>
  /**
   * A stream of any length, in bounded memory: the next job is not asked for while a chunk is written. Everything is
   * written in one transaction, or nothing: an error of the stream, of a job in it or of the database rolls it back,
   * and the call rejects with that error. `deadline` is meant for each chunk; the stream may take its time, while the
   * transaction stays open.
   *
   * @example
   * const { added } = await kong.addJobs(rows(), { onAdded: (jobs, first) => remember(first, jobs) })
   */
  (jobs: AsyncIterable<NewJobSpec>, options?: StreamOptions): Promise<AddedCounts>
  /** Each entry's payload is checked against the entry's own task; the answer is in the order of the jobs. */
  <const E extends readonly LooseEntry[]>(jobs: {
    readonly [K in keyof E]: E[K] & CheckedEntry<E[K]>
  }): Promise<AddedJob[]>
}

/** How a stream is added. */
export interface StreamOptions {
  /**
   * Sees what became of each chunk of up to 5,000 jobs; `first` is the place of its first job in the stream, from 0.
   * The stream waits for it; where it throws, everything is rolled back. The ids hold once `addJobs` has resolved.
   */
  readonly onAdded?: ((jobs: readonly AddedJob[], first: number) => void | Promise<void>) | undefined
}

/** How many jobs of a stream came to what. */
export interface AddedCounts {
  readonly added: number
  readonly skipped: number
  readonly replaced: number
}

/** Both, bound to a client, to a handler's connections or to a transaction. */
export interface JobAdder {
  readonly addJob: AddJob
  readonly addJobs: AddJobs
}
