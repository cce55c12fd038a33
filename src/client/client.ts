// Front door of the producing half: what an application calls. Nothing reaches the store that did not pass the
// checks of new-job.ts; bad input is a KongTaskError at the call, with nothing written.
import type { AddJob, AddJobs, JobAdder } from '../core/add-job.ts'
import { KongTaskError } from '../core/errors.ts'
import type { Flow, FlowMark } from '../core/flow.ts'
import type { Health } from '../core/health.ts'
import type { KnownTasks } from '../core/task-list.ts'
import type { TransactionLike } from '../core/transaction.ts'
import type { Database } from '../store/database.ts'
import type { MigrationPlan } from '../store/migrate.ts'
import { pgDatabase } from '../store/pg-database.ts'
import { createStore, type Store } from '../store/store.ts'
import { CallsUnderWay } from './calls-under-way.ts'
import { checkPayloads, type CheckPayloadsOptions, type PayloadCheck } from './check-payloads.ts'
import { withCallerStack } from './caller-stack.ts'
import { readClientOptions, type ClientConfig, type KongTaskOptions } from './client-options.ts'
import { createDeadLetters, type DeadLetters } from './dead-letters.ts'
import { explained } from './explained.ts'
import { createJobs, type Jobs } from './jobs.ts'
import { readFlow } from './flow.ts'
import { readHealth } from './health.ts'
import { openingStore } from './opened-job.ts'
import { createProducer, type Producer } from './producer.ts'
import { createQueues, type Queues } from './queues.ts'
import { createSchedules, type Schedules } from './schedules.ts'
import { createTasks, type Tasks } from './tasks.ts'
import { newJobMaker } from './new-job.ts'
import { createWorkers, type Workers } from './workers.ts'

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
  /** Looks at queues, pauses and resumes them. */
  readonly queues: Queues
  /** Looks at tasks, pauses and resumes them. */
  readonly tasks: Tasks
  /** Schedules: makes, changes, pauses and previews them. */
  readonly schedules: Schedules
  /** Looks at the processes that work, drains them, and declares them dead. */
  readonly workers: Workers
  readonly #config: ClientConfig
  readonly #store: Store
  readonly #whenOpen: Store
  readonly #producer: Producer
  readonly #calls = new CallsUnderWay()
  #closing: Promise<void> | undefined

  /** Opens no connection yet. @throws KongTaskError where an option is wrong */
  constructor(options: KongTaskOptions) {
    this.#config = readClientOptions(options)
    const database = pgDatabase(this.#config.pool, this.#config.deadline)
    this.#store = createStore(database, this.#config.schema)
    this.#producer = createProducer({
      ...this.#config,
      store: this.#store,
      checkOpen: () => this.#checkOpen(),
      calls: this.#calls,
    })
    this.addJob = this.#producer.own.addJob
    this.addJobs = this.#producer.own.addJobs
    const whileOpen = createStore(this.#whileOpen(database), this.#config.schema)
    const opening = openingStore(whileOpen, this.#config.cipher)
    this.jobs = createJobs(opening)
    this.deadLetters = createDeadLetters(opening)
    this.queues = createQueues(whileOpen)
    this.tasks = createTasks(whileOpen)
    this.schedules = createSchedules(whileOpen, newJobMaker(this.#config), this.#config.cipher)
    this.workers = createWorkers(whileOpen)
    this.#whenOpen = whileOpen
  }

  /**
   * The same two calls on your own transaction: the jobs exist if and only if it commits. `tx` is what your driver
   * or ORM calls its transaction (docs/drivers.md: node-postgres, postgres.js, PGlite, Drizzle, Kysely, Prisma,
   * Knex, TypeORM, MikroORM, Sequelize, Bun, Neon), or `asTransaction(query)` for any other.
   *
   * @throws KT_NOT_A_TRANSACTION for a pool or anything else; where it turns out later, `addJob` rejects
   */
  with(tx: TransactionLike): JobAdder {
    return this.#producer.with(tx)
  }

  /**
   * Creates KongTask's tables or brings them up to date; does nothing where they are. Any number of processes
   * may call it at once: one works, the others wait. `deadline` is not for it: a step may take long where there is much data.
   * Aborting `signal` cancels and undoes the step under way, and rejects with the signal's reason.
   *
   * @throws KT_SCHEMA_FOREIGN, KT_SCHEMA_TOO_NEW, KT_DATABASE_VERSION, KT_DATABASE_UNAVAILABLE, KT_CONNECTION_LOST
   */
  migrate({ signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<void> {
    return withCallerStack(() => this.#call(() => explained(this.#store.migrate(signal))))
  }

  /**
   * What `migrate` would do: which migrations are applied, which are not, and their SQL. Writes nothing.
   *
   * @throws KT_SCHEMA_FOREIGN, KT_SCHEMA_TOO_NEW, KT_DATABASE_VERSION, KT_DATABASE_UNAVAILABLE
   */
  migrationPlan(): Promise<MigrationPlan> {
    return withCallerStack(() => this.#call(() => explained(this.#store.planMigrations())))
  }

  /**
   * Whether code could take the payloads that are queued: opens, upcasts and validates each as a worker with these tasks
   * would, runs nothing and writes nothing. For a deploy pipeline. Reads every live job, a page at a time.
   *
   * @throws KT_TASK_INVALID, KT_TASK_DUPLICATE, KT_NAME_INVALID, KT_OPTION_INVALID, KT_OPTION_UNKNOWN
   * @example
   * const { isFine, failures } = await kong.checkPayloads(tasks)
   */
  checkPayloads(tasks: KnownTasks, options?: CheckPayloadsOptions): Promise<PayloadCheck> {
    return checkPayloads(this.#whenOpen, this.#config.cipher, tasks, options)
  }

  /**
   * How the system is: whether the database answers and has the tables, how far its clock is off, how many processes
   * live, and how long the oldest ready job of each queue has been waiting. Tells what is wrong instead of throwing it.
   *
   * @throws KT_CLOSED
   */
  health(): Promise<Health> {
    return readHealth(this.#whenOpen)
  }

  /**
   * What was added, completed and failed, by queue and task, since another look: hand back its `mark`. A first look counts
   * nothing. Jobs that history does not keep, or for longer than 35 days, are not among those that were completed. What was
   * written before a look and is committed after it is counted by neither: a bulk in a transaction that is open meanwhile, or a
   * `complete(tx)`.
   *
   * @throws KT_CLOSED, KT_NOT_MIGRATED, KT_PERMISSION_DENIED, KT_DATABASE_UNAVAILABLE
   * @example
   * const { mark } = await kong.flow()
   * const { tasks, ms } = await kong.flow(mark)
   */
  flow(since?: FlowMark): Promise<Flow> {
    return readFlow(this.#whenOpen, since)
  }

  /**
   * Refuses further calls, waits for those under way (a stream's end included) and ends the client's own pool; a pool
   * of yours stays open.
   */
  close(): Promise<void> {
    this.#closing ??= this.#end()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #end(): Promise<void> {
    await this.#calls.idle()
    if (this.#config.ownsPool) await this.#config.pool.end()
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw new KongTaskError('KT_CLOSED', 'This KongTask client was closed.')
  }

  #call<T>(work: () => Promise<T>): Promise<T> {
    return this.#calls.run(() => {
      this.#checkOpen()
      return work()
    })
  }

  #whileOpen(database: Database): Database {
    return {
      query: (text, values) => this.#call(() => database.query(text, values)),
      queryText: (text, values) => this.#call(() => database.queryText(text, values)),
      script: (text) => this.#call(() => database.script(text)),
      transaction: (work) => this.#call(() => database.transaction(work)),
      longTransaction: (work, signal) => this.#call(() => database.longTransaction(work, signal)),
    }
  }
}
