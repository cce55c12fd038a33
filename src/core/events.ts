import type { Settlement } from './settlement.ts'

/** The facts about a job that every event about it carries. */
export interface JobFacts {
  readonly id: string
  readonly task: string
  readonly queue: string
  readonly attempt: number
  readonly maxAttempts: number
}

/** What can be listened to: event name to payload. */
export interface Events {
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
  'worker.started': { readonly worker: number; readonly queues: readonly string[] | 'all' }
  'worker.stopping': { readonly worker: number; readonly running: number }
  'worker.stopped': { readonly worker: number }
  /** An operator told this process to stop in good order. */
  'worker.draining': { readonly worker: number }
  'worker.lease_lost': { readonly worker: number; readonly running: number }
  'worker.rescued': { readonly workers: number; readonly jobs: number }
  /** The database could not be reached or refused; work goes on when it answers again. */
  'worker.weather': { readonly doing: string; readonly error: unknown; readonly attempt: number }
}

export type EventName = keyof Events
