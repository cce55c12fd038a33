import type { AddJob, AddJobs } from './add-job.ts'
import type { Job } from './job.ts'
import type { Logger } from './logger.ts'
import type { PooledSqlClient, SqlPool } from './sql-pool.ts'
import type { Sleep, Step } from './step-options.ts'
import type { TransactionLike } from './transaction.ts'

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
  readonly with: (tx: TransactionLike) => { readonly addJob: AddJob; readonly addJobs: AddJobs }
  /**
   * Completes the job in a transaction of yours: the job completes, with this result, if and only if that commits, so
   * that what you write in it happens exactly once. Call it last, await it, then commit. Behind a commit, what the
   * handler returns or throws changes nothing; behind a rollback it counts as ever.
   *
   * From the call on, the transaction may idle for as long as the runner's `leaseDuration` (5 s at least) and is ended by
   * the database then. `tx` is what `with(tx)` takes; not a savepoint that you might roll back to.
   *
   * @throws KT_LEASE_LOST where another process may have the job: the transaction cannot commit then, caught or not
   * @throws KT_ALREADY_COMPLETED, KT_NOT_A_TRANSACTION, KT_DEADLINE
   * @example
   * await ctx.withTransaction(async (tx) => {
   *   await tx.query('update accounts set cents = cents - $1 where id = $2', [100, from])
   *   await tx.query('update accounts set cents = cents + $1 where id = $2', [100, to])
   *   await ctx.complete(tx)
   * })
   */
  readonly complete: (tx: TransactionLike, result?: unknown) => Promise<void>
  /**
   * Runs something once over all attempts of the job, and remembers what it returned.
   *
   * @example
   * const charge = await ctx.step('charge', () => stripe.charges.create({ amount }))
   */
  readonly step: Step
  /**
   * Frees the slot, and goes on from here when the time is over.
   *
   * @example
   * await ctx.step('welcome', () => sendWelcome(user))
   * await ctx.sleep('3d')
   * await ctx.step('reminder', () => sendReminder(user))
   */
  readonly sleep: Sleep
  /** Tells how far the work is: `done` of `total`, with a note for people. */
  readonly progress: (done: number, total: number, note?: string) => void
  /** The payload as the database prints it, unparsed JSON text; of an encrypted one, the text that was encrypted. */
  readonly rawPayload: string
}
