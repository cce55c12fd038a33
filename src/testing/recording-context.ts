// What a handler under test is given: the worker's own context, over something that only remembers.
import { performance } from 'node:perf_hooks'
import type { JobAdder } from '../core/add-job.ts'
import type { Duration } from '../core/duration.ts'
import { KongTaskError } from '../core/errors.ts'
import type { JobContext } from '../core/job-context.ts'
import type { LogLevel } from '../core/job-log.ts'
import type { Job } from '../core/job.ts'
import type { Json } from '../core/json.ts'
import type { LogFields, Logger } from '../core/logger.ts'
import type { SqlPool } from '../core/sql-pool.ts'
import type { TransactionLike } from '../core/transaction.ts'
import type { ClaimedJob } from '../store/claim-jobs.ts'
import type { NewStep, StoredStep } from '../store/steps.ts'
import type { Store } from '../store/store.ts'
import { AttemptRecord } from '../worker/attempt-record.ts'
import { attemptVerbs, type AttemptVerbs } from '../worker/attempt-verbs.ts'
import { LazyJobContext } from '../worker/job-context.ts'
import type { RunningJob } from '../worker/running-job.ts'
import { recordingAdder, type RecordedJob } from './recording-adder.ts'

/** A line that the handler logged, without what the logger adds of the job. */
export interface RecordedLine {
  readonly level: LogLevel
  readonly message: string
  readonly fields: LogFields
}

/** What the handler said of how far it is. */
export interface RecordedProgress {
  readonly done: number
  readonly total: number
  readonly note: string | undefined
}

/** A step that was done, or a sleep. */
export interface RecordedStep {
  readonly name: string
  /** What it returned, through JSON. */
  readonly result: unknown
  /** Milliseconds, of a sleep. */
  readonly sleep: number | undefined
}

/** What a handler did by its context, each in that order. */
export interface Records {
  readonly logs: readonly RecordedLine[]
  readonly added: readonly RecordedJob[]
  readonly progressed: readonly RecordedProgress[]
  readonly steps: readonly RecordedStep[]
  /** What it completed with in a transaction; whether that commits, only `crashAt` asks. */
  readonly completed: { readonly result: Json | undefined } | undefined
}

/** Where jobs are added to instead of being remembered. */
export interface Adders {
  readonly own: JobAdder
  readonly with: (tx: TransactionLike) => JobAdder
}

/** Around a call of the context's, told what it is. */
export type Around = <T>(call: string, work: () => Promise<T>) => Promise<T>

export interface RecorderOptions {
  readonly pool?: SqlPool | undefined
  readonly adders?: Adders | undefined
  /** @default nothing */
  readonly around?: Around | undefined
  /** Around what a step does. @default nothing */
  readonly aroundStep?: Around | undefined
  /** Told of what happens once a transaction commits. @default it has happened */
  readonly onCommit?: ((tx: TransactionLike, happen: () => void) => void) | undefined
  /** What an earlier attempt has left. */
  readonly steps?: ReadonlyMap<string, StoredStep> | undefined
}

/** Milliseconds; no transaction here idles for that long. */
const IDLE = 60_000

/** Remembers what one attempt does. */
export class Recorder implements Records {
  readonly logs: RecordedLine[] = []
  readonly added: RecordedJob[] = []
  readonly progressed: RecordedProgress[] = []
  readonly steps: RecordedStep[] = []
  readonly stored: Map<string, StoredStep>
  completed: { readonly result: Json | undefined } | undefined
  record: AttemptRecord | undefined
  readonly #pool: SqlPool
  readonly #adders: Adders
  readonly #around: Around
  readonly #aroundStep: Around
  readonly #onCommit: (tx: TransactionLike, happen: () => void) => void

  constructor({
    pool = noPool,
    adders,
    around = plainly,
    aroundStep = plainly,
    onCommit = (_tx, happen) => happen(),
    steps = new Map<string, StoredStep>(),
  }: RecorderOptions = {}) {
    this.#pool = pool
    this.#around = around
    this.#aroundStep = aroundStep
    this.#onCommit = onCommit
    this.#adders = adders ?? {
      own: recordingAdder({ added: this.added }),
      with: () => recordingAdder({ added: this.added, inTransaction: true }),
    }
    this.stored = new Map(steps)
  }

  context(
    running: RunningJob,
    payload: unknown,
    job: Partial<Job> & Pick<Job, 'task' | 'queue'>,
  ): JobContext {
    const record = new AttemptRecord(running)
    this.record = record
    const services = {
      logger: this.#logger(),
      pool: this.#pool,
      adder: () => this.#adders.own,
      onTransaction: (tx: TransactionLike) => this.#adders.with(tx),
      queueName: () => job.queue,
      verbs: () => this.#verbs(record),
      onProgress: (_running: RunningJob, done: number, total: number, note: string | undefined) =>
        void this.progressed.push({ done, total, note }),
    }
    return new GivenJobContext(running, payload, services, job)
  }

  #verbs(record: AttemptRecord): AttemptVerbs {
    const { complete, step, sleep } = attemptVerbs(record, {
      store: this.#store(),
      idle: IDLE,
      now: () => performance.now(),
      onWeather: () => undefined,
      onResultDropped: () => undefined,
    })
    return {
      complete: (tx, result) =>
        this.#around('complete', async () => {
          await complete(tx, result)
          const { completed } = this
          this.completed = undefined
          this.#onCommit(tx, () => {
            this.completed = completed
          })
        }),
      step: (name, work, options) =>
        this.#around(`step "${name}"`, async () => {
          const wasKnown = this.stored.has(name)
          const done = await step(name, () => this.#aroundStep(`step "${name}"`, async () => work()), options)
          if (options?.tx !== undefined && !wasKnown) this.#storedOnCommit(name, options.tx)
          return done
        }),
      sleep: (nameOrDuration: Duration, duration?: Duration) =>
        this.#around('sleep', () =>
          duration === undefined ? sleep(nameOrDuration) : sleep(String(nameOrDuration), duration),
        ),
    }
  }

  #storedOnCommit(name: string, tx: TransactionLike): void {
    const stored = this.stored.get(name)
    if (stored === undefined) return
    this.stored.delete(name)
    this.#onCommit(tx, () => void this.stored.set(name, stored))
  }

  #logger(): Logger {
    const line =
      (level: LogLevel): Logger['debug'] =>
      (message, fields = {}) => {
        const { jobId: _jobId, task: _task, queue: _queue, attempt: _attempt, ...own } = fields
        this.logs.push({ level, message, fields: own })
      }
    return { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') }
  }

  #store(): Pick<Store, 'readSteps' | 'storeStep' | 'completeJob'> {
    return {
      readSteps: () => Promise.resolve(new Map(this.stored)),
      storeStep: (_job, step) => Promise.resolve(this.#stored(step)),
      completeJob: (_job, { result }) => {
        this.completed = { result }
        return Promise.resolve()
      },
    }
  }

  #stored({ name, result, sleep }: NewStep): number | undefined {
    const parsed: unknown = result === undefined ? undefined : JSON.parse(result)
    this.steps.push({ name, result: parsed, sleep })
    this.stored.set(name, { result, wakesIn: sleep === undefined ? undefined : 0 })
    return sleep
  }
}

function plainly<T>(_call: string, work: () => Promise<T>): Promise<T> {
  return work()
}

/** The worker's context, with what the test says of the job. */
class GivenJobContext extends LazyJobContext {
  readonly #given: Partial<Job>

  constructor(
    running: RunningJob,
    payload: unknown,
    services: ConstructorParameters<typeof LazyJobContext>[3],
    given: Partial<Job> & Pick<Job, 'task'>,
  ) {
    super(running, given.task, payload, services)
    this.#given = given
  }

  override get job(): Job {
    return Object.freeze({ ...super.job, ...this.#given })
  }
}

const noPool: SqlPool = {
  query: () => Promise.reject(poolMissing()),
  connect: () => Promise.reject(poolMissing()),
}

function poolMissing(): KongTaskError {
  return new KongTaskError(
    'KT_TEST_POOL',
    'The handler used `pool` or `withTransaction`, and the test gave it no database. Pass `pool` to mockContext, or `db` to performJob.',
  )
}

/** A job as if it had been claimed. */
export function claimed(job: Partial<Job>, payload: string): ClaimedJob {
  const micros = (date: Date | undefined): number => (date ?? new Date()).getTime() * 1_000
  return {
    id: job.id ?? '1',
    queueId: 1,
    taskId: 1,
    attempt: job.attempt ?? 1,
    maxAttempts: job.maxAttempts ?? 25,
    priority: job.priority ?? 1,
    crashes: 0,
    runAt: micros(job.scheduledAt),
    createdAt: micros(job.createdAt),
    kept: true,
    place: '(0,1)',
    payload,
    extras: null,
    errors: null,
    ended: null,
    lease: { worker: 1, claim: 1 },
  }
}
