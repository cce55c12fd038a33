import { EventEmitter } from 'node:events'
import { workHeld } from '../processes/held-worker.ts'

/** As much of graphile-worker as is used here; its own types are there only once it is installed. */
interface Module {
  readonly run: (options: {
    readonly connectionString: string
    readonly concurrency: number
    readonly noHandleSignals: boolean
    readonly events: EventEmitter
    readonly logger: unknown
    readonly taskList: Readonly<
      Record<string, (payload: unknown, helpers: { readonly job: { readonly attempts: number } }) => void>
    >
  }) => Promise<{ readonly stop: () => Promise<void> }>
  readonly Logger: new (factory: () => () => void) => unknown
}

/** KongTask's default; its own is 1. */
const CONCURRENCY = 10

/** A failed job waits for as long as its own backoff says, 2.7 s, which cannot be shortened. */
await workHeld(async (connectionString, log) => {
  const { run, Logger } = await load()
  const events = new EventEmitter()
  events.on('job:complete', ({ error }: { readonly error: unknown }) => {
    if (error === undefined || error === null) log.completed()
  })
  const runner = await run({
    connectionString,
    concurrency: CONCURRENCY,
    noHandleSignals: true,
    events,
    logger: new Logger(() => () => undefined),
    taskList: { held: (payload, { job }) => log.run(payload, job.attempts) },
  })
  return () => runner.stop()
})

async function load(): Promise<Module> {
  // Not a literal: the compiler must not look for what is installed only when it is measured.
  const name = 'graphile-worker'
  const loaded: unknown = await import(name)
  if (isModule(loaded)) return loaded
  throw new TypeError('graphile-worker exports no run or Logger')
}

function isModule(loaded: unknown): loaded is Module {
  if (typeof loaded !== 'object' || loaded === null) return false
  const exported = new Map(Object.entries(loaded))
  return ['run', 'Logger'].every((name) => typeof exported.get(name) === 'function')
}
