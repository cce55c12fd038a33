import type { AddJob, AddJobs } from './add-job.ts'
import type { Job } from './job.ts'
import type { Logger } from './logger.ts'
import type { PooledSqlClient, SqlPool } from './sql-pool.ts'

/** What a handler receives beside its payload. */
export interface JobContext {
  readonly job: Job
  /** Aborts on timeout, on a lost lease, and on shutdown after the grace period; `reason` is a typed error. */
  readonly signal: AbortSignal
  /** Adds the job's id, task, queue and attempt to what the handler logs. */
  readonly logger: Logger
  /** Adds a job in a transaction of its own: it is there whatever becomes of this attempt. */
  readonly addJob: AddJob
  readonly addJobs: AddJobs
  /** The runner's connections, for the handler's own queries. */
  readonly pool: SqlPool
  /** Runs `work` in a transaction: committed when it returns, rolled back when it throws. */
  readonly withTransaction: <T>(work: (tx: PooledSqlClient) => Promise<T>) => Promise<T>
  /** The same `addJob` and `addJobs`, on a transaction of the handler's. */
  readonly with: (tx: SqlClientLike) => { readonly addJob: AddJob; readonly addJobs: AddJobs }
  /** Tells how far the work is: `done` of `total`, with a note for people. */
  readonly progress: (done: number, total: number, note?: string) => void
  /** The payload as the database prints it, unparsed JSON text. */
  readonly rawPayload: string
}

/** Any connection with an open transaction that KongTask knows how to use. */
export type SqlClientLike = object
