import type { JobAdder } from '../core/add-job.ts'
import { parseDuration } from '../core/duration.ts'
import type { Job } from '../core/job.ts'
import type { LogLevel } from '../core/job-log.ts'
import type { Logger } from '../core/logger.ts'
import type { Middleware } from '../core/middleware.ts'
import { readOptions } from '../core/plain-object.ts'
import type { SqlPool } from '../core/sql-pool.ts'
import type { TaskList } from '../core/task-list.ts'
import type { AnyTask } from '../core/task.ts'
import type { TransactionLike } from '../core/transaction.ts'
import { KongTask } from '../client/client.ts'
import type { EncryptionOptions } from '../encryption/payload-keys.ts'
import { consoleLogger } from '../runner/console-logger.ts'
import { runInSteps, type SteppedRunner } from '../runner/runner.ts'
import { drain, failureLines, type Drained, type DrainOptions, type JobFailure } from './drain.ts'
import { fitting, nameOf, noneFits } from './expect-job.ts'
import { fakeOf, type FakeKongTask } from './fake.ts'
import type { JobPattern, PayloadPart } from './job-pattern.ts'
import { openPgliteDatabase, openServerDatabase, type KitDatabase } from './kit-database.ts'
import { atTimeOf } from './moved-date.ts'
import { KitClock, type TestClock } from './test-clock.ts'

export interface TestKongTaskOptions {
  /** What `drain()` can run. @default nothing */
  readonly tasks?: TaskList | undefined
  /**
   * A PostgreSQL server to test on. The kit makes a schema of its own there, which it drops at the end.
   * @default PGlite in memory, which needs the package `@electric-sql/pglite`
   */
  readonly connectionString?: string | undefined
  /** Jobs at a time. One by one, what tests see is always in the same order. @default 1 */
  readonly concurrency?: number | undefined
  /** Layers around every handler, the first one outermost. @default none */
  readonly middleware?: readonly Middleware[] | undefined
  /** pino, winston, console or anything with debug, info, warn and error. @default warnings and errors, on standard error */
  readonly logger?: object | undefined
  /** What of the handlers' own lines is kept for `kong.jobs.logs`. @default 'warn' */
  readonly storeLogs?: LogLevel | 'off' | undefined
  readonly encryption?: EncryptionOptions | undefined
}

/** Milliseconds that a handler has to end once its kit is closed; then it is left behind. */
const LAST_PATIENCE = 100

const KNOWN: ReadonlySet<string> = new Set([
  'tasks',
  'connectionString',
  'concurrency',
  'middleware',
  'logger',
  'storeLogs',
  'encryption',
])

const quietLogger: Logger = { ...consoleLogger, info: () => undefined }

/**
 * KongTask for one test: a client, a database that nobody else uses, and a worker that works when it is told to.
 *
 * @throws KT_PGLITE_NOT_FOUND, KT_CONNECTION_INVALID, KT_OPTION_UNKNOWN
 * @example
 * await using kong = await createTestKongTask({ tasks: [sendWelcomeEmail] })
 * await signUp(kong, { email: 'ada@example.org' })
 * await kong.expectJob(welcome, { payload: { email: 'ada@example.org' } })
 * await kong.drain()
 */
export async function createTestKongTask(options: TestKongTaskOptions = {}): Promise<TestKongTask> {
  readOptions(options, KNOWN, 'createTestKongTask')
  const { connectionString } = options
  const database = await (connectionString === undefined
    ? openPgliteDatabase()
    : openServerDatabase(connectionString))
  try {
    const kong = new TestKongTask(database, options)
    await kong.begin()
    return kong
  } catch (error) {
    await database.close()
    throw error
  }
}

/** Made by `createTestKongTask`. */
export class TestKongTask extends KongTask {
  /** For the test's own statements, and what handlers get. The database is the test's alone, KongTask's schema apart. */
  readonly pool: SqlPool
  /** The schema of KongTask's tables. */
  readonly schema: string
  readonly clock: TestClock
  readonly #database: KitDatabase
  readonly #options: TestKongTaskOptions
  readonly #clock: KitClock
  #runner: Promise<SteppedRunner> | undefined
  #stopping: Promise<void> = Promise.resolve()
  #failures: JobFailure[] = []
  #fake: FakeKongTask | undefined
  #closing: Promise<void> | undefined

  constructor(database: KitDatabase, options: TestKongTaskOptions) {
    const { pool, schema } = database
    super({ pool, schema, encryption: options.encryption })
    this.pool = pool
    this.schema = schema
    this.#database = database
    this.#options = options
    this.#clock = new KitClock(database)
    this.clock = this.#clock
    const own: JobAdder = { addJob: this.addJob, addJobs: this.addJobs }
    const adder = (): JobAdder => this.#fake ?? own
    Object.defineProperty(this, 'addJob', { get: () => adder().addJob, enumerable: true })
    Object.defineProperty(this, 'addJobs', { get: () => adder().addJobs, enumerable: true })
  }

  override with(tx: TransactionLike): JobAdder {
    return this.#fake === undefined ? super.with(tx) : this.#fake.with(tx)
  }

  /** Schedules that tasks declare are there from the start. */
  async begin(): Promise<void> {
    if (hasSchedules(this.#options.tasks)) await this.#open()
  }

  /**
   * Runs what is ready, and what that adds, in this process with the real worker, and resolves with what happened. Handlers
   * that fail do not reject it: see `failures`, which are logged as well.
   *
   * @throws KT_TEST_DRAIN where jobs do not end, or what `until` waits for never comes about; the message says which
   * @example
   * await kong.drain()
   * await kong.drain({ until: { job: id, state: 'dead' } })
   */
  async drain(options?: DrainOptions): Promise<Drained> {
    const runner = await this.#open()
    try {
      const drained = await drain(
        { runner, database: this.#database, clock: this.#clock, jobs: this.jobs },
        options,
      )
      this.#failures.push(...drained.failures)
      return drained
    } catch (error) {
      // Its handlers may go on for as long as they like; who drains next has another worker.
      void this.#stopRunner()
      throw error
    }
  }

  /**
   * The newest job of a task that fits, in whatever state it is.
   *
   * @throws KT_TEST_EXPECTATION, which shows what was there instead
   * @example
   * await kong.expectJob(sendEmail, { payload: { to: 'ada@example.org' }, scheduledIn: '3d' })
   */
  async expectJob<T extends AnyTask | string>(
    task: T,
    pattern: JobPattern<PayloadPart<T>> = {},
  ): Promise<Job> {
    return fitting(await this.#allJobs(), nameOf(task), pattern, failureLines(this.#failures))
  }

  /** @throws KT_TEST_EXPECTATION where there is one that fits */
  async expectNoJob<T extends AnyTask | string>(
    task: T,
    pattern: JobPattern<PayloadPart<T>> = {},
  ): Promise<void> {
    noneFits(await this.#allJobs(), nameOf(task), pattern)
  }

  /**
   * From now on, what is added with this client is only remembered, until the fake is disposed of. What handlers add is
   * added.
   *
   * @example
   * using fake = kong.fake()
   * await signUp(kong, user)
   * fake.expectJob(sendWelcomeEmail)
   */
  fake(): FakeKongTask {
    const made = fakeOf(undefined, () => {
      if (this.#fake === made) this.#fake = undefined
    })
    this.#fake = made
    return made
  }

  /** No jobs, and the time of the wall: for a kit that several tests share. Tables of yours stay as they are. */
  async reset(): Promise<void> {
    this.#fake = undefined
    this.#failures = []
    if (this.#clock.ahead > 0 || hasSchedules(this.#options.tasks)) await this.#stopRunner()
    await this.#stopping
    await this.#clock.reset()
    await this.#database.empty()
    await this.begin()
  }

  override close(): Promise<void> {
    this.#closing ??= this.#endAll()
    return this.#closing
  }

  async #endAll(): Promise<void> {
    this.#clock.hide()
    try {
      await this.#stopRunner()
      await super.close()
    } finally {
      await this.#database.close()
    }
  }

  async #open(): Promise<SteppedRunner> {
    await this.#stopping
    this.#runner ??= this.#start()
    return this.#runner
  }

  #start(): Promise<SteppedRunner> {
    const {
      tasks = {},
      concurrency = 1,
      middleware = [],
      logger = quietLogger,
      storeLogs,
      encryption,
    } = this.#options
    return runInSteps(
      {
        tasks,
        concurrency,
        middleware: [(_context, next) => atTimeOf(this.#clock, next), ...middleware],
        logger,
        ...(storeLogs === undefined ? {} : { storeLogs }),
        encryption,
        pool: this.pool,
        schema: this.schema,
        migrate: false,
        gracePeriod: parseDuration(0, 'gracePeriod'),
      },
      LAST_PATIENCE,
    )
  }

  #stopRunner(): Promise<void> {
    const runner = this.#runner
    this.#runner = undefined
    if (runner === undefined) return this.#stopping
    const before = this.#stopping
    this.#stopping = (async () => {
      await before
      await runner.then(
        (started) => started.stop(),
        () => undefined,
      )
    })()
    return this.#stopping
  }

  async #allJobs(): Promise<Job[]> {
    const all: Job[] = []
    let after: string | undefined
    do {
      const page = await this.jobs.list({}, { limit: 1_000, after })
      all.push(...page.jobs)
      after = page.next
    } while (after !== undefined)
    return all
  }
}

function hasSchedules(tasks: TaskList | undefined): boolean {
  return Object.values(tasks ?? {}).some((task: unknown) => {
    const schedule: unknown =
      typeof task === 'object' && task !== null ? Reflect.get(task, 'schedule') : undefined
    return typeof schedule === 'function'
  })
}
