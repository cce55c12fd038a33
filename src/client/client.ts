// Front door of the producing half: what an application calls. Nothing reaches the store that did not pass the
// checks of new-job.ts; bad input is a KongTaskError at the call, with nothing written.
import type { AddJob, AddJobs, JobAdder } from '../core/add-job.ts'
import { KongTaskError } from '../core/errors.ts'
import type { SqlClientLike } from '../core/job-context.ts'
import { explainError } from '../store/explain-error.ts'
import { pgDatabase } from '../store/pg-database.ts'
import { createStore, type Store } from '../store/store.ts'
import { withCallerStack } from './caller-stack.ts'
import { readClientOptions, type ClientConfig, type KongTaskOptions } from './client-options.ts'
import { createDeadLetters, type DeadLetters } from './dead-letters.ts'
import { createJobs, type Jobs } from './jobs.ts'
import { createProducer, type Producer } from './producer.ts'

/**
 * Adds jobs.
 *
 * @example
 * const kong = new KongTask({ connectionString: process.env.DATABASE_URL })
 * await kong.addJob(sendEmail, { to: 'ada@example.org' }, { scheduledIn: '5m' })
 */
export class KongTask {
  /** Adds one job, in a transaction of its own. */
  readonly addJob: AddJob
  /** Adds many jobs, all or none. */
  readonly addJobs: AddJobs
  /** Looks at jobs. */
  readonly jobs: Jobs
  /** Looks at jobs that were given up. */
  readonly deadLetters: DeadLetters
  readonly #config: ClientConfig
  readonly #store: Store
  readonly #producer: Producer
  #closing: Promise<void> | undefined

  /** Opens no connection yet. @throws KongTaskError where an option is wrong */
  constructor(options: KongTaskOptions) {
    this.#config = readClientOptions(options)
    this.#store = createStore(pgDatabase(this.#config.pool, this.#config.deadline), this.#config.schema)
    this.#producer = createProducer({
      ...this.#config,
      store: this.#store,
      checkOpen: () => this.#checkOpen(),
    })
    this.addJob = this.#producer.own.addJob
    this.addJobs = this.#producer.own.addJobs
    this.jobs = createJobs(this.#store)
    this.deadLetters = createDeadLetters(this.#store)
  }

  /**
   * The same two calls on your own transaction: the jobs exist if and only if it commits. `tx` is a
   * node-postgres client on which you ran `begin`.
   *
   * @throws KT_NOT_A_TRANSACTION for a pool or anything else; where only the database can tell, `addJob` rejects
   */
  with(tx: SqlClientLike): JobAdder {
    return this.#producer.with(tx)
  }

  /**
   * Creates KongTask's tables or brings them up to date; does nothing where they are. Any number of processes
   * may call it at once.
   *
   * @throws KT_SCHEMA_FOREIGN, KT_SCHEMA_TOO_NEW, KT_DATABASE_VERSION, KT_DATABASE_UNAVAILABLE
   */
  migrate(): Promise<void> {
    return withCallerStack(async () => {
      this.#checkOpen()
      try {
        await this.#store.migrate()
      } catch (error) {
        throw explainError(error)
      }
    })
  }

  /** Waits for calls under way and ends the client's own pool; a pool of yours stays open. */
  close(): Promise<void> {
    this.#closing ??= this.#config.ownsPool ? this.#config.pool.end() : Promise.resolve()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw new KongTaskError('KT_CLOSED', 'This KongTask client was closed.')
  }
}
