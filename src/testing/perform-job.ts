import { KongTaskError } from '../core/errors.ts'
import type { Job } from '../core/job.ts'
import type { Json } from '../core/json.ts'
import { jsonText } from '../core/json-text.ts'
import type { Middleware } from '../core/middleware.ts'
import type { Outcome } from '../core/outcome.ts'
import { FIRST_VERSION } from '../core/payload-version.ts'
import { delayAfter } from '../core/retry-policy.ts'
import { decide, type Settlement } from '../core/settlement.ts'
import type { SqlPool } from '../core/sql-pool.ts'
import type { TaskEntry } from '../core/task-list.ts'
import { execute } from '../worker/executor.ts'
import { withMiddleware } from '../worker/middleware.ts'
import { RunningJob } from '../worker/running-job.ts'
import { readPerformedTask, type PerformedTask } from './performed-task.ts'
import { claimed, Recorder, type Adders, type Records } from './recording-context.ts'
import { TestKongTask } from './test-kong-task.ts'

export interface PerformJobOptions {
  /** 1-based. @default that of `job`, else 1 */
  readonly attempt?: number | undefined
  /** @default that of `job`, else the task's own, else 25 */
  readonly maxAttempts?: number | undefined
  /**
   * For the handler's own queries; a test kit's also gets what the handler adds, which is remembered otherwise.
   * @default queries are refused with KT_TEST_POOL
   */
  readonly db?: SqlPool | TestKongTask | undefined
  /** In place of the payload: the text as it comes from the database, or no JSON at all. */
  readonly rawPayload?: string | undefined
  /** Layers around the handler, the first one outermost. @default none */
  readonly middleware?: readonly Middleware[] | undefined
  /** What else the handler is to know of its job; its `attempt` and `maxAttempts` hold where these are not given. */
  readonly job?: Partial<Job> | undefined
  /** How long a handler may ignore that its signal has aborted. Milliseconds. @default 1000 */
  readonly stuckAfter?: number | undefined
}

/** How one attempt went. */
export interface Performed extends Records {
  /** How the execution ended. */
  readonly outcome: Outcome
  /** What that would mean for the job: what the worker would write. */
  readonly settlement: Settlement
  /** What the handler returned, through JSON. */
  readonly result: Json | undefined
  /** What was thrown; undefined where nothing was. */
  readonly error: unknown
  /** The handler did not end in time after its signal had aborted. */
  readonly isStuck: boolean
}

const STUCK_AFTER = 1_000

/**
 * Performs one attempt of a job as the worker does, without a queue: the payload goes through JSON and the task's schema,
 * timeout and middleware hold, and the outcome is judged. What the handler throws is in `error`; the call does not reject
 * for it.
 *
 * @throws KT_TASK_INVALID, KT_NAME_INVALID, KT_PAYLOAD_NOT_JSON
 * @example
 * const { error, settlement } = await performJob(handle(sendEmail, send), { to: 'ada@example.org' }, { attempt: 25 })
 */
export async function performJob(
  task: PerformedTask,
  payload: unknown = {},
  options: PerformJobOptions = {},
): Promise<Performed> {
  const entry = readPerformedTask(task, 'performJob')
  return perform(entry, payloadText(entry, payload, options), new Recorder(recorderOptions(options)), options)
}

/**
 * One attempt on a recorder, which earlier attempts of the job may have used.
 *
 * @param died when its process died: nobody waits for its timeout any more
 */
export async function perform(
  entry: TaskEntry,
  text: string,
  recorder: Recorder,
  {
    job = {},
    attempt = job.attempt ?? 1,
    maxAttempts = job.maxAttempts ?? entry.defaults.maxAttempts,
    middleware = [],
    stuckAfter,
  }: PerformJobOptions,
  died?: Promise<unknown>,
): Promise<Performed> {
  const { name, defaults, version = FIRST_VERSION } = entry
  const facts = { ...job, attempt, ...(maxAttempts === undefined ? {} : { maxAttempts }) }
  const running = new RunningJob(claimed(facts, text), stuckAfter ?? STUCK_AFTER)
  void died?.then(() => running.end())
  const numbers = { attempt, maxAttempts: running.job.maxAttempts }
  const queue = job.queue ?? defaults.queue ?? 'default'
  const executed = await execute({
    running,
    task: withMiddleware(entry, middleware),
    facts: { version, encryptionKey: undefined },
    timeout: defaults.timeout,
    context: (run, { name: taskName }, payload) =>
      recorder.context(run, payload, { ...job, ...numbers, task: taskName, queue }),
  })
  const outcome = recorder.record?.outcome(executed.outcome) ?? executed.outcome
  const about = { id: running.job.id, task: name, queue, ...numbers }
  const settlement = decide(
    outcome,
    running.job,
    (error) => delayAfter({ job: about, error }, defaults.backoff).delay,
  )
  return {
    outcome,
    settlement,
    result: outcome.kind === 'completed' ? outcome.result : undefined,
    error: outcome.kind === 'failed' ? outcome.thrown : undefined,
    isStuck: executed.stuck === true,
    logs: recorder.logs,
    added: recorder.added,
    progressed: recorder.progressed,
    steps: recorder.steps,
    completed: recorder.completed,
  }
}

/** What the database would hold. */
export function payloadText(entry: TaskEntry, payload: unknown, { rawPayload }: PerformJobOptions): string {
  if (rawPayload !== undefined) return rawPayload
  if (entry.raw && typeof payload === 'string') return payload
  return jsonText(payload, ({ why }) => {
    return new KongTaskError('KT_PAYLOAD_NOT_JSON', `The payload of task "${entry.name}" ${why}.`)
  })
}

function recorderOptions({ db }: PerformJobOptions): { readonly pool?: SqlPool; readonly adders?: Adders } {
  if (db === undefined) return {}
  if (!(db instanceof TestKongTask)) return { pool: db }
  return { pool: db.pool, adders: { own: db, with: (tx) => db.with(tx) } }
}
