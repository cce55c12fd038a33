import type { CheckedEntry, LooseEntry, NewJobSpec, PayloadArguments } from './job-entry.ts'
import type { JobOptions } from './job-options.ts'
import type { JsonOf } from './json-of.ts'
import type { AddedJob } from './new-job.ts'
import type { AnyTask, InputOf, OpenTask } from './task.ts'

/** Adds one job; resolves when the database has it (on the caller's transaction: once that commits). */
export interface AddJob {
  /**
   * By name, for what has no contract at hand: the payload is checked as JSON only. Omitted, it is `{}`.
   *
   * Rejects with a KongTaskError where anything is wrong, before anything is written.
   */
  <P = Record<never, never>>(
    task: string | OpenTask,
    payload?: P & JsonOf<P>,
    options?: JobOptions,
  ): Promise<AddedJob>
  /**
   * By contract: the payload is checked against the task's schema. It may be omitted where `{}` is valid.
   *
   * Rejects with a KongTaskError where anything is wrong, before anything is written.
   */
  <T extends AnyTask>(task: T, ...rest: PayloadArguments<InputOf<T>>): Promise<AddedJob>
}

/** Adds many jobs, all or none; the answer is in the order of the jobs. */
export interface AddJobs {
  /** For streams: any iterable of what `newJob` returned. It is read to its end before anything is written. */
  (jobs: Iterable<NewJobSpec>): Promise<AddedJob[]>
  /** Each entry's payload is checked against the entry's own task. */
  <const E extends readonly LooseEntry[]>(
    jobs: E & { readonly [K in keyof E]: CheckedEntry<E[K]> },
  ): Promise<AddedJob[]>
}

/** Both, bound to a client, to a handler's connections or to a transaction. */
export interface JobAdder {
  readonly addJob: AddJob
  readonly addJobs: AddJobs
}
