// The only place where things are constructed and wired. Starts forward, stops backward: claiming first, the lease
// last but one, because settlements need it, and the connections at the very end.
import { hostname } from 'node:os'
import { performance } from 'node:perf_hooks'
import { createProducer, type Producer } from '../client/producer.ts'
import type { Events } from '../core/events.ts'
import type { JsonObject } from '../core/json.ts'
import type { NewJobOptions } from '../core/new-job.ts'
import type { TaskEntry } from '../core/task-list.ts'
import { jobDefaults } from '../core/task-options.ts'
import { maintenance } from '../maintenance/maintenance.ts'
import { Scheduler } from '../maintenance/scheduler.ts'
import { deferred } from '../runtime/deferred.ts'
import { Emitter } from '../runtime/emitter.ts'
import { EventStream } from '../runtime/event-stream.ts'
import { pause } from '../runtime/retry.ts'
import type { Service } from '../runtime/service.ts'
import { explainError } from '../store/explain-error.ts'
import { Listener } from '../store/listener.ts'
import { pgDatabase } from '../store/pg-database.ts'
import { isTransient } from '../store/sqlstate.ts'
import type { Names } from '../store/publish.ts'
import { createStore, type Store } from '../store/store.ts'
import type { DeadOthers } from '../store/workers.ts'
import { ClaimBook } from '../worker/claim-book.ts'
import { withChunks } from '../worker/chunks.ts'
import type { Lanes } from '../worker/claimer.ts'
import { Lane } from '../worker/lane.ts'
import { LeaseKeeper } from '../worker/lease-keeper.ts'
import { LogWriter } from '../worker/log-writer.ts'
import { withMiddleware } from '../worker/middleware.ts'
import { Worker } from '../worker/worker.ts'
import { openConnections, type Connections } from './connections.ts'
import { readEventsOptions, type EventsOptions, type RunnerEvents } from './events-options.ts'
import { Declarer, readDeclaration, type Declaration } from './declared-schedules.ts'
import { logEvents } from './log-subscriber.ts'
import { onOsSignals } from './os-signals.ts'
import { queueNames } from './queue-names.ts'
import { readRunnerOptions, type RunnerConfig, type RunnerOptions } from './runner-options.ts'

/** Heartbeats for one look whether the listening connection still answers: by default it comes every 30 s. */
const LISTENER_LOOK = 6
/** Milliseconds that one call of the engine may take; a lease must outlive several. */
const LONGEST_DEADLINE = 10_000
const MAX_PAYLOAD = 1024 * 1024

/** Everything that runs in one process. */
export interface Runner {
  /** Stops claiming, lets handlers end, gives back what does not end in time. Idempotent. */
  stop(): Promise<void>
  /** Resolves when the runner has stopped, for whatever reason. */
  readonly stopped: Promise<void>
  /** Calls back on each event of that name; returns the call that ends it. */
  on<N extends keyof Events>(name: N, listener: (event: Events[N]) => unknown): () => void
  /**
   * The events of these names from now on, for one `for await`; it ends when the runner has stopped. For a consumer that
   * is too slow up to `buffer` events wait, then the oldest are dropped, and counted in `dropped`.
   *
   * @throws KT_OPTION_INVALID, KT_OPTION_UNKNOWN
   * @example
   * for await (const { name, event } of runner.events(['job.settled', 'job.stuck'])) console.log(name, event.job.id)
   */
  readonly events: <const N extends keyof Events>(
    names: readonly N[],
    options?: EventsOptions,
  ) => RunnerEvents<N>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Works the queues until stopped: claims jobs, runs their handlers, writes what became of them, and rescues the
 * jobs of processes that died.
 *
 * @throws KongTaskError where an option is wrong, the schema is not ours, or the database cannot be reached
 * @example
 * const runner = await run({ connectionString, tasks: { send_email: async (payload, { logger }) => {} } })
 */
export async function run(options: RunnerOptions): Promise<Runner> {
  const parts = await assemble(readRunnerOptions(options))
  try {
    await parts.begin()
    parts.worker.start()
    return parts.runner
  } catch (error) {
    await parts.runner.stop()
    throw explainError(error)
  }
}

/** Runs what is ready, and what that adds, and resolves. Never waits for scheduled jobs; a job that fails is no error. */
export async function runOnce(options: RunnerOptions): Promise<void> {
  const parts = await assemble(readRunnerOptions(options))
  try {
    await parts.begin()
    await parts.worker.runUntilDry()
  } catch (error) {
    throw explainError(error)
  } finally {
    await parts.runner.stop()
  }
}

/** A runner that works only when it is told to. */
export interface SteppedRunner extends Runner {
  /** Runs what is ready, and what that adds, and resolves. One call at a time. */
  runUntilDry(): Promise<void>
}

/**
 * Registers, listens and keeps house as `run` does, and claims nothing by itself: for tests.
 *
 * @param lastPatience milliseconds that handlers have at the end, once their signals have aborted
 * @throws like `run`
 */
export async function runInSteps(options: RunnerOptions, lastPatience: number): Promise<SteppedRunner> {
  const parts = await assemble(readRunnerOptions(options), lastPatience)
  try {
    await parts.begin()
    return { ...parts.runner, runUntilDry: () => parts.worker.runUntilDry() }
  } catch (error) {
    await parts.runner.stop()
    throw explainError(error)
  }
}

interface Parts {
  readonly worker: Worker
  readonly runner: Runner
  /** Registers, listens and keeps house; claims nothing yet. */
  begin(): Promise<void>
}

async function assemble(config: RunnerConfig, lastPatience?: number): Promise<Parts> {
  const events = new Emitter<Events>((error, name) =>
    config.logger.error(`A listener of ${name} threw`, { error: String(error) }),
  )
  logEvents(events, config.logger)
  const connections = openConnections(config, events)
  try {
    const store = createStore(pgDatabase(connections.engine, deadlineOf(config)), config.schema)
    await (config.migrate ? store.migrate(config.signal) : store.checkSchema())
    const queues = config.queues === undefined ? null : [...config.queues.keys()]
    const names = await store.publish(publishedTasks(config.tasks), queues)
    const declaration = await readDeclared(config)
    return wire({ config, lastPatience, events, connections, store, names, declaration })
  } catch (error) {
    await connections.close()
    throw explainError(error)
  }
}

/** A lease must outlive several calls that time out. */
function deadlineOf({ leaseDuration }: RunnerConfig): number {
  return Math.min(LONGEST_DEADLINE, leaseDuration / 3)
}

interface Foundation {
  readonly config: RunnerConfig
  /** @default the worker's own */
  readonly lastPatience: number | undefined
  readonly events: Emitter<Events>
  readonly connections: Connections
  readonly store: Store
  readonly names: Names
  readonly declaration: Declaration | undefined
}

function wire(foundation: Foundation): Parts {
  const { config, lastPatience, events, connections, store, names, declaration } = foundation
  const { schema, logger } = config
  const weather =
    (doing: string) =>
    (error: unknown, attempt: number): void =>
      events.emit('worker.weather', { doing, error, attempt })
  const book = new ClaimBook()
  let toldOfOthers = (_: DeadOthers): void => undefined
  const lease = new LeaseKeeper({
    store,
    book,
    lease: config.leaseDuration,
    interval: config.heartbeatInterval,
    info: aboutThisProcess(config, declaration),
    now,
    onWeather: weather('renew the lease'),
    onOthers: (others) => toldOfOthers(others),
    isDirect: config.directConnectionString === undefined,
    onUnseen: () => listener.renew(),
  })
  const producer = createProducer({
    store,
    pool: connections.engine,
    deadline: LONGEST_DEADLINE,
    maxPayload: MAX_PAYLOAD,
    cipher: config.cipher,
    checkOpen: connections.checkOpen,
    onAdded: ({ id, status }, { task, parent }) =>
      events.emit('job.added', { id, task, status, parentId: parent?.id }),
  })
  const logs = logWriter(config, store, events)
  const worker = new Worker({
    store,
    lanes: lanesOf(config, names.queues),
    lease,
    book,
    tasks: byNumber(config, names.tasks),
    forbiddenFlags: config.forbiddenFlags,
    cipher: config.cipher,
    queues: queueNames(store, names.queues),
    services: {
      logger,
      pool: config.pool,
      adder: (parent) => producer.childrenOf(parent),
      onTransaction: (tx, parent) => producer.with(tx, parent),
      linesOf: logs && ((job) => logs.linesOf(job)),
    },
    events,
    onDrain: () => events.emit('worker.draining', { worker: lease.registration?.worker ?? 0 }),
    stuckAfter: config.stuckAfter,
    pollInterval: config.pollInterval,
    now,
  })
  const scheduler = new Scheduler({
    store,
    events,
    isTransient,
    onWeather: (error) => weather('fire schedules')(error, 1),
    now,
  })
  const declarer = declaration && new Declarer(store, declaration, events)
  const listener = new Listener({
    connect: connections.session,
    schema,
    deadline: deadlineOf(config),
    interval: config.heartbeatInterval * LISTENER_LOOK,
    onWake: (wake) => worker.wake(wake),
    onMessage: (number) => void lease.listen(number),
    onSchedule: () => scheduler.expect(0),
    onSession: (session) => void lease.attend(session),
    onWeather: weather('listen for new jobs'),
  })
  const services = [
    ...(logs === undefined ? [] : [logs]),
    lease,
    listener,
    ...(declarer === undefined ? [] : [declarer]),
    scheduler,
    ...maintenance({
      store,
      events,
      self: () => lease.registration?.worker,
      rescueInterval: config.heartbeatInterval,
      onOthers: (tell) => (toldOfOthers = tell),
      onLook: ({ nextTickIn, unsettled = [] }) => {
        if (nextTickIn !== undefined) scheduler.expect(nextTickIn + 1)
        declarer?.declareIfOf(unsettled).catch((error: unknown) => weather('declare schedules')(error, 1))
      },
    }),
  ]
  return createParts({ config, lastPatience, events, worker, lease, producer, services, connections })
}

function logWriter(
  { storeLogs: level, keepLogs: keep }: RunnerConfig,
  store: Store,
  events: Emitter<Events>,
): LogWriter | undefined {
  if (level === 'off') return undefined
  return new LogWriter({
    store,
    level,
    keep,
    now,
    onWeather: (error) =>
      events.emit('worker.weather', { doing: 'keep what handlers logged', error, attempt: 1 }),
    onDropped: (lines) => events.emit('worker.logs_dropped', { lines }),
  })
}

interface RunnerParts {
  readonly config: RunnerConfig
  readonly lastPatience: number | undefined
  readonly events: Emitter<Events>
  readonly worker: Worker
  readonly lease: LeaseKeeper
  readonly producer: Producer
  readonly services: readonly Service[]
  readonly connections: Connections
}

function createParts(parts: RunnerParts): Parts {
  const { config, lastPatience, events, worker, lease, producer, services, connections } = parts
  const stopped = deferred()
  let stopping: Promise<void> | undefined
  let hasStopped = false
  let forgetSignals = (): void => undefined
  const stop = (): Promise<void> => (stopping ??= stopAll())
  const onAbort = (): void => void stop()
  events.on('worker.draining', () => void stop())

  const begin = async (): Promise<void> => {
    for (const service of services) await service.start()
    const queues = config.queues === undefined ? ('all' as const) : [...config.queues.keys()]
    events.emit('worker.started', { worker: lease.registration?.worker ?? 0, queues })
    if (config.handleSignals) forgetSignals = onOsSignals(stop)
    config.signal?.addEventListener('abort', onAbort)
    if (config.signal?.aborted === true) void stop()
  }

  const stopAll = async (): Promise<void> => {
    config.signal?.removeEventListener('abort', onAbort)
    const number = lease.registration?.worker ?? 0
    events.emit('worker.stopping', { worker: number, running: worker.running })
    await worker.stop(config.gracePeriod, lastPatience)
    for (const service of services.toReversed()) await service.stop()
    await connections.close(() => addedBy(producer))
    forgetSignals()
    hasStopped = true
    events.emit('worker.stopped', { worker: number })
    stopped.resolve()
  }

  const runner: Runner = {
    stop,
    stopped: stopped.promise,
    on: (name, listener) => events.on(name, listener),
    events: (names, options) => {
      const last = 'worker.stopped' as const
      const stream = new EventStream(events, names, { ...readEventsOptions(names, options), last })
      if (hasStopped) stream.end()
      return stream
    },
    [Symbol.asyncDispose]: stop,
  }
  return { worker, runner, begin }
}

/** Until nothing that handlers have begun to add is under way. A stream of theirs may never end, and is cut off. */
async function addedBy(producer: Producer): Promise<void> {
  const isIdle = new AbortController()
  void producer.idle().then(() => isIdle.abort())
  await pause(LONGEST_DEADLINE, isIdle.signal)
}

function now(): number {
  return performance.now()
}

function lanesOf(config: RunnerConfig, numbers: ReadonlyMap<string, number>): Lanes {
  if (config.queues === undefined) return new Lane(config.concurrency, now())
  return new Map(
    [...config.queues].map(([name, concurrency]) => [numberOf(name, numbers), new Lane(concurrency, now())]),
  )
}

function byNumber(
  { tasks, middleware, concurrency, queues }: RunnerConfig,
  numbers: ReadonlyMap<string, number>,
): ReadonlyMap<number, TaskEntry> {
  const most = queues === undefined ? concurrency : Math.max(...queues.values())
  return new Map(
    [...tasks].map(([name, task]) => [
      numberOf(name, numbers),
      withMiddleware(withChunks(task, most), middleware),
    ]),
  )
}

function numberOf(name: string, numbers: ReadonlyMap<string, number>): number {
  const number = numbers.get(name)
  if (number === undefined) throw new TypeError(`publish gave "${name}" no number`)
  return number
}

/** What the database may know of contracts: everything but functions. Null where there is none to speak of. */
function publishedTasks(
  tasks: ReadonlyMap<string, TaskEntry>,
): Readonly<Record<string, NewJobOptions | null>> {
  return Object.fromEntries(
    [...tasks].map(([name, { defaults, hasContract }]) => [name, hasContract ? jobDefaults(defaults) : null]),
  )
}

async function readDeclared({
  schedules,
  application,
  cipher,
}: RunnerConfig): Promise<Declaration | undefined> {
  return schedules && readDeclaration(application, schedules, { maxPayload: MAX_PAYLOAD, cipher })
}

function aboutThisProcess(
  { tasks, queues, concurrency, forbiddenFlags }: RunnerConfig,
  declaration: Declaration | undefined,
): JsonObject {
  return {
    host: hostname(),
    pid: process.pid,
    node: process.version,
    tasks: [...tasks.keys()],
    queues: queues === undefined ? null : Object.fromEntries(queues),
    concurrency: queues === undefined ? concurrency : null,
    // Null where it decides anew before each claim.
    forbiddenFlags: typeof forbiddenFlags === 'function' ? null : [...(forbiddenFlags ?? [])],
    ...(declaration && { application: declaration.application, generation: declaration.generation }),
  }
}
