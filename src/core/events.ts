import type { Json } from './json.ts'
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
  'job.settled': { readonly job: JobFacts; readonly settlement: Settlement; readonly result?: Json | undefined }
  /** The job was no longer ours when we came to settle it; somebody else owns its outcome. */
  'job.lost': { readonly job: JobFacts }
  'worker.started': { readonly worker: number; readonly queues: readonly string[] | 'all' }
  'worker.stopping': { readonly worker: number; readonly running: number }
  'worker.stopped': { readonly worker: number }
  'worker.lease_lost': { readonly worker: number; readonly running: number }
  'worker.rescued': { readonly workers: number; readonly jobs: number }
  /** The database could not be reached or refused; work goes on when it answers again. */
  'worker.weather': { readonly doing: string; readonly error: unknown; readonly attempt: number }
}

export type EventName = keyof Events

/** Tells listeners; never throws, whatever a listener does. */
export type Emit = <N extends EventName>(name: N, event: Events[N]) => void
