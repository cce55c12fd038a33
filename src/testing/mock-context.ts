import { KongTaskError } from '../core/errors.ts'
import type { JobContext } from '../core/job-context.ts'
import type { Job } from '../core/job.ts'
import { jsonText } from '../core/json-text.ts'
import type { SqlPool } from '../core/sql-pool.ts'
import { RunningJob } from '../worker/running-job.ts'
import { claimed, Recorder, type Records } from './recording-context.ts'

export interface MockContextOptions {
  /** What the handler is to know of its job. @default a first attempt of job 1 of the task `test`, of 25 */
  readonly job?: Partial<Job> | undefined
  /** For the handler's own queries. @default each is refused with KT_TEST_POOL */
  readonly pool?: SqlPool | undefined
  /** @default one that never aborts */
  readonly signal?: AbortSignal | undefined
  /** JSON text. @default that of `job.payload`, else `{}` */
  readonly rawPayload?: string | undefined
}

/** A handler's second parameter, which remembers what the handler does with it. */
export type MockContext = JobContext & Records

/**
 * A context for tests that call a handler as the plain function that it is: no database, no queue. `addJob` checks as it
 * always does; `step` runs its work, and on one context each name once.
 *
 * @example
 * const ctx = mockContext({ job: { attempt: 3 } })
 * await sendWelcomeEmail({ to: 'ada@example.org' }, ctx)
 * expect(ctx.logs).toContainEqual({ level: 'info', message: 'sent', fields: { to: 'ada@example.org' } })
 */
export function mockContext({ job = {}, pool, signal, rawPayload }: MockContextOptions = {}): MockContext {
  const payload = job.payload ?? {}
  const text = rawPayload ?? jsonText(payload, ({ why }) => notJson(why))
  const running = new RunningJob(claimed(job, text))
  const recorder = new Recorder({ pool })
  const context = recorder.context(running, payload, { task: 'test', queue: 'default', ...job })
  if (signal?.aborted === true) abort(running, signal)
  signal?.addEventListener('abort', () => abort(running, signal), { once: true })
  return withRecords(context, recorder)
}

/** Nobody waits for the handler here, so nobody's patience ends. */
function abort(running: RunningJob, signal: AbortSignal): void {
  const reason: unknown = signal.reason
  running.abort(reason instanceof Error ? reason : new Error(String(reason)), Infinity)
}

function notJson(why: string): KongTaskError {
  return new KongTaskError('KT_PAYLOAD_NOT_JSON', `mockContext: \`job.payload\` ${why}.`)
}

/** Getters of both, so that neither is asked before somebody looks; as own properties, so that `{ ...ctx }` has them. */
function withRecords(context: JobContext, recorder: Recorder): MockContext {
  return {
    get job() {
      return context.job
    },
    get signal() {
      return context.signal
    },
    get logger() {
      return context.logger
    },
    addJob: context.addJob,
    addJobs: context.addJobs,
    pool: context.pool,
    withTransaction: context.withTransaction,
    with: context.with,
    complete: context.complete,
    step: context.step,
    sleep: context.sleep,
    progress: context.progress,
    rawPayload: context.rawPayload,
    logs: recorder.logs,
    added: recorder.added,
    progressed: recorder.progressed,
    steps: recorder.steps,
    get completed() {
      return recorder.completed
    },
  }
}
