import { EventEmitter } from 'node:events'
import pg from 'pg'
import { Countdown, lineJobOf, type LineCheck, type LineWorker } from '../loads/lines.ts'

/** As much of graphile-worker as is used here; its own types are there only once it is installed. */
interface Module {
  readonly run: (options: {
    readonly connectionString: string
    readonly concurrency?: number
    readonly noHandleSignals: boolean
    readonly events: EventEmitter
    readonly logger: unknown
    readonly taskList: Readonly<Record<string, (payload: unknown) => Promise<void>>>
  }) => Promise<{ readonly stop: () => Promise<void> }>
  readonly makeWorkerUtils: (options: { readonly connectionString: string }) => Promise<{
    readonly addJobs: (specs: readonly unknown[]) => Promise<unknown>
    readonly migrate: () => Promise<void>
    readonly release: () => Promise<unknown>
  }>
  readonly Logger: new (factory: () => () => void) => unknown
}

/** @param concurrency undefined for its default, 1 */
export async function graphileWorkerLines(
  connectionString: string,
  check: LineCheck,
  concurrency?: number,
): Promise<LineWorker> {
  const { run, makeWorkerUtils, Logger } = await load()
  const utils = await makeWorkerUtils({ connectionString })
  await utils.migrate()
  const events = new EventEmitter()
  const pool = new pg.Pool({ connectionString, max: 1 })
  await pool.query('truncate graphile_worker._private_jobs, graphile_worker._private_job_queues')
  const countdown = new Countdown()
  events.on('job:failed', ({ error }: { readonly error: unknown }) =>
    countdown.failed('A job failed.', error),
  )
  events.on('job:complete', () => countdown.ended())
  const runner = await run({
    connectionString,
    ...(concurrency === undefined ? {} : { concurrency }),
    noHandleSignals: true,
    events,
    logger: new Logger(() => () => undefined),
    taskList: { line: (payload) => check.work(lineJobOf(payload)) },
  })
  return {
    add: (jobs) => {
      countdown.expect(jobs.length)
      return utils.addJobs(
        jobs.map((payload) => ({ identifier: 'line', payload, queueName: `key ${payload.key}` })),
      )
    },
    done: () => countdown.done,
    close: async () => {
      await runner.stop()
      await utils.release()
      await pool.end()
    },
  }
}

async function load(): Promise<Module> {
  // Not a literal: the compiler must not look for what is installed only when it is measured.
  const name = 'graphile-worker'
  const loaded: unknown = await import(name)
  if (isModule(loaded)) return loaded
  throw new TypeError('graphile-worker exports no run, makeWorkerUtils or Logger')
}

function isModule(loaded: unknown): loaded is Module {
  if (typeof loaded !== 'object' || loaded === null) return false
  const names = ['run', 'makeWorkerUtils', 'Logger'] as const
  const exported = new Map(Object.entries(loaded))
  return names.every((name) => typeof exported.get(name) === 'function')
}
