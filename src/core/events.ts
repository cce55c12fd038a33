import type { JobFacts } from './job-facts.ts'
import type { AddedJob } from './new-job.ts'
import type { Settlement } from './settlement.ts'

export type { JobFacts } from './job-facts.ts'

/** What can be listened to: event name to payload. */
export interface Events {
  /** A handler added a job. What it adds on a transaction of its own is not told: nobody knows whether that commits. */
  'job.added': {
    readonly id: string
    readonly task: string
    readonly status: AddedJob['status']
    /** The job whose handler it was. */
    readonly parentId: string | undefined
  }
  'job.started': { readonly job: JobFacts }
  'job.progress': {
    readonly job: JobFacts
    readonly done: number
    readonly total: number
    readonly note: string | undefined
  }
  /** Emitted when the settlement is written, with what was written; not when it was refused by the fence. */
  'job.settled': { readonly job: JobFacts; readonly settlement: Settlement }
  /** Beside `job.settled`, for those who only care about failures: it will be retried, or it is dead. */
  'job.failed': {
    readonly job: JobFacts
    readonly settlement: Extract<Settlement, { kind: 'retry' | 'dead' }>
  }
  /**
   * The fence refused our settlement: somebody else owns the job. Not `certain` where an earlier try to write it
   * had no answer and may have been the one that did.
   */
  'job.lost': { readonly job: JobFacts; readonly certain: boolean }
  /** The handler did not end in time after its signal had aborted. Its slot is open again; it may still be at work. */
  'job.stuck': { readonly job: JobFacts }
  /** The job completed, but its result is no JSON and was not kept. */
  'job.result_dropped': { readonly job: JobFacts; readonly why: string }
  /**
   * The task's backoff policy threw, or answered no delay (`error` says which). The default policy was asked instead,
   * which said `delay` milliseconds.
   */
  'job.backoff_failed': { readonly job: JobFacts; readonly error: unknown; readonly delay: number }
  /** The job was completed in a transaction of its handler's; what the handler came to behind that, this, was ignored. */
  'job.outcome_ignored': { readonly job: JobFacts; readonly settlement: Settlement }
  /** It was this process that fired a tick: its job exists. */
  'schedule.fired': {
    readonly schedule: string
    readonly tick: Date
    readonly isCaughtUp: boolean
    readonly job: AddedJob
  }
  /** A schedule could not fire, for a reason of its own. The others go on; it is tried again in `retryIn` milliseconds. */
  'schedule.failed': { readonly schedule: string; readonly error: unknown; readonly retryIn: number }
  /**
   * What came of declaring schedules at the start; nothing is said of those that are as they were. `kept`: the name belongs to
   * a schedule that was made at run time, or to another application, and that one stays as it is.
   */
  'schedule.declared': {
    readonly schedule: string
    readonly done: 'created' | 'changed' | 'deleted' | 'kept'
  }
  /** A newer version of this application runs, and its schedules hold, not those of this process. */
  'schedule.superseded': { readonly application: string }
  'worker.started': { readonly worker: number; readonly queues: readonly string[] | 'all' }
  'worker.stopping': { readonly worker: number; readonly running: number }
  'worker.stopped': { readonly worker: number }
  /** An operator told this process to stop in good order. */
  'worker.draining': { readonly worker: number }
  'worker.lease_lost': { readonly worker: number; readonly running: number }
  'worker.rescued': { readonly workers: number; readonly jobs: number }
  /** The database role of this process may not do a chore; it is left to processes that may. Said once. */
  'worker.not_allowed': { readonly doing: string; readonly error: unknown }
  /**
   * A job is of a newer version of its task's payload than this process `knows`; it was given back, attempt included, for a
   * process with newer code, and is looked at again in `delay` milliseconds. Said once for each version of a task.
   */
  'worker.outdated': {
    readonly job: JobFacts
    readonly version: number
    readonly knows: number
    readonly delay: number
  }
  /** So many lines of handlers will not be found by `kong.jobs.logs`: the database did not take them. */
  'worker.logs_dropped': { readonly lines: number }
  /** The database could not be reached or refused; work goes on when it answers again. */
  'worker.weather': { readonly doing: string; readonly error: unknown; readonly attempt: number }
}

export type EventName = keyof Events

/** Every name, for those who come without types. */
const NAMES: { readonly [N in EventName]: true } = {
  'job.added': true,
  'job.started': true,
  'job.progress': true,
  'job.settled': true,
  'job.failed': true,
  'job.lost': true,
  'job.stuck': true,
  'job.result_dropped': true,
  'job.backoff_failed': true,
  'job.outcome_ignored': true,
  'schedule.fired': true,
  'schedule.failed': true,
  'schedule.declared': true,
  'schedule.superseded': true,
  'worker.started': true,
  'worker.stopping': true,
  'worker.stopped': true,
  'worker.draining': true,
  'worker.lease_lost': true,
  'worker.rescued': true,
  'worker.not_allowed': true,
  'worker.outdated': true,
  'worker.logs_dropped': true,
  'worker.weather': true,
}

export function isEventName(name: unknown): name is EventName {
  return typeof name === 'string' && Object.hasOwn(NAMES, name)
}
