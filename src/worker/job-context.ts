import type { JobAdder } from '../core/add-job.ts'
import type { JobContext } from '../core/job-context.ts'
import type { Job } from '../core/job.ts'
import type { JsonObject } from '../core/json.ts'
import type { LogFields, Logger } from '../core/logger.ts'
import type { Lineage } from '../core/new-job.ts'
import type { PooledSqlClient, SqlPool } from '../core/sql-pool.ts'
import type { TransactionLike } from '../core/transaction.ts'
import type { ClaimedJob } from '../store/claim-jobs.ts'
import { errorsOf, extrasOf } from '../store/rows.ts'
import type { AttemptVerbs } from './attempt-verbs.ts'
import type { RunningJob } from './running-job.ts'

/** What every context of one runner shares. */
export interface ContextServices {
  readonly logger: Logger
  readonly pool: SqlPool
  /** On connections of ours, for a job's children. */
  readonly adder: (parent: Lineage) => JobAdder
  readonly queueName: (queue: number) => string
  readonly onTransaction: (tx: TransactionLike, parent: Lineage) => JobAdder
  /** What writes about the job itself. */
  readonly verbs: (running: RunningJob) => AttemptVerbs
  /** Keeps what a job's handler logs, beside the logger; undefined where nothing is kept. */
  readonly linesOf?: ((job: ClaimedJob) => Logger) | undefined
  readonly onProgress: (running: RunningJob, done: number, total: number, note: string | undefined) => void
}

/**
 * Every member is made when somebody looks at it: a handler that uses none of it costs one small object. Members
 * that are functions come bound, so that a handler may take the context apart.
 */
export class LazyJobContext implements JobContext {
  readonly #running: RunningJob
  readonly #task: string
  readonly #payload: unknown
  readonly #services: ContextServices
  #job: Job | undefined
  #logger: Logger | undefined
  #verbs: AttemptVerbs | undefined
  #adder: JobAdder | undefined

  constructor(running: RunningJob, task: string, payload: unknown, services: ContextServices) {
    this.#running = running
    this.#task = task
    this.#payload = payload
    this.#services = services
  }

  get job(): Job {
    this.#job ??= this.#read()
    return this.#job
  }

  get signal(): AbortSignal {
    return this.#running.signal
  }

  get logger(): Logger {
    this.#logger ??= this.#makeLogger()
    return this.#logger
  }

  get addJob(): JobAdder['addJob'] {
    return this.#ownAdder.addJob
  }

  get addJobs(): JobAdder['addJobs'] {
    return this.#ownAdder.addJobs
  }

  get pool(): SqlPool {
    return this.#services.pool
  }

  get withTransaction(): JobContext['withTransaction'] {
    return (work) => inTransaction(this.#services.pool, work)
  }

  get with(): JobContext['with'] {
    return (tx) => this.#services.onTransaction(tx, this.#lineage)
  }

  get complete(): JobContext['complete'] {
    return this.#own.complete
  }

  get step(): JobContext['step'] {
    return this.#own.step
  }

  get sleep(): JobContext['sleep'] {
    return this.#own.sleep
  }

  get progress(): JobContext['progress'] {
    return (done, total, note) => this.#services.onProgress(this.#running, done, total, note)
  }

  get rawPayload(): string {
    return this.#running.rawPayload
  }

  get #ownAdder(): JobAdder {
    this.#adder ??= this.#services.adder(this.#lineage)
    return this.#adder
  }

  get #lineage(): Lineage {
    const { id, rootId } = this.job
    return { id, root: rootId }
  }

  get #own(): AttemptVerbs {
    this.#verbs ??= this.#services.verbs(this.#running)
    return this.#verbs
  }

  #makeLogger(): Logger {
    const { job } = this.#running
    const { logger, linesOf, queueName } = this.#services
    const { id, attempt, queueId } = job
    const own = withFields(logger, { jobId: id, task: this.#task, queue: queueName(queueId), attempt })
    return linesOf === undefined ? own : both(own, linesOf(job))
  }

  #read(): Job {
    const { id, queueId, attempt, maxAttempts, priority, runAt, createdAt, extras, errors } =
      this.#running.job
    return Object.freeze({
      id,
      task: this.#task,
      queue: this.#services.queueName(queueId),
      payload: this.#payload,
      state: 'running' as const,
      attempt,
      maxAttempts,
      priority,
      scheduledAt: new Date(runAt / 1_000),
      createdAt: new Date(createdAt / 1_000),
      finishedAt: undefined,
      ...extrasOf(id, parsed(extras)),
      isSealed: false,
      errors: errorsOf(parsed(errors)),
      result: undefined,
      progress: undefined,
    })
  }
}

function parsed(text: string | null): JsonObject | undefined {
  return text === null ? undefined : JSON.parse(text)
}

function both(first: Logger, second: Logger): Logger {
  const line =
    (level: keyof Logger): Logger['debug'] =>
    (message, fields) => {
      first[level](message, fields)
      second[level](message, fields)
    }
  return { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') }
}

function withFields(logger: Logger, own: LogFields): Logger {
  const merged = (fields: LogFields | undefined): LogFields => {
    try {
      return { ...fields, ...own }
    } catch {
      // A getter that throws: no job is worth failing for a line.
      return own
    }
  }
  return {
    debug: (message, fields) => logger.debug(message, merged(fields)),
    info: (message, fields) => logger.info(message, merged(fields)),
    warn: (message, fields) => logger.warn(message, merged(fields)),
    error: (message, fields) => logger.error(message, merged(fields)),
  }
}

async function inTransaction<T>(pool: SqlPool, work: (tx: PooledSqlClient) => Promise<T>): Promise<T> {
  const tx = await pool.connect()
  let broken: Error | undefined
  try {
    await tx.query('begin')
    const result = await work(tx)
    await tx.query('commit')
    return result
  } catch (error) {
    await tx.query('rollback').catch((cause: unknown) => {
      broken = new Error('The transaction could not be rolled back.', { cause })
    })
    throw error
  } finally {
    tx.release(broken)
  }
}
