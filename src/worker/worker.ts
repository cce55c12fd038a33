// Front door of the consuming half: claim → execute → settle. It moves jobs from the claimer's answers through the
// lanes' slots to the settler, and knows at any moment which it holds. The one invariant: every claimed job ends in
// the settler exactly once, or the lease that entitled us to it is gone.
import { LeaseLostError, ShutdownError } from '../core/errors.ts'
import type { Emitter } from '../runtime/emitter.ts'
import type { Events, JobFacts } from '../core/events.ts'
import { failedAttempt } from '../core/failure.ts'
import type { Outcome } from '../core/outcome.ts'
import { decide, type Settlement } from '../core/settlement.ts'
import type { TaskEntry } from '../core/task-list.ts'
import { pause } from '../runtime/retry.ts'
import { Bell } from '../runtime/bell.ts'
import type { ClaimedJob } from '../store/claim-jobs.ts'
import { timeoutOf } from '../store/rows.ts'
import type { Store } from '../store/store.ts'
import type { ClaimBook } from './claim-book.ts'
import { Claimer, type Lanes } from './claimer.ts'
import { execute, type Executed, type Execution } from './executor.ts'
import { LazyJobContext, type ContextServices } from './job-context.ts'
import { Lane } from './lane.ts'
import type { LeaseHolder, LeaseKeeper } from './lease-keeper.ts'
import { RunningJob } from './running-job.ts'
import { Settler } from './settler.ts'

/** Unsettled jobs from which on no more are claimed. Durations here are milliseconds. */
const CLOGGED = 5_000
/** After the grace period: how long aborted handlers may still take before their jobs are given back regardless. */
const LAST_PATIENCE = 5_000
/** How long the last settlements may take to be written at the end, when the database does not answer. */
const LAST_FLUSH = 10_000
/** How long handlers that never wait may keep the event loop, heartbeats and all, before it gets its turn. */
const LONGEST_TURN = 10

const GIVEN_BACK: Executed = { outcome: { kind: 'interrupted' } }

export interface WorkerOptions {
  readonly store: Store
  readonly lanes: Lanes
  readonly lease: LeaseKeeper
  readonly book: ClaimBook
  /** By their numbers in this database. */
  readonly tasks: ReadonlyMap<number, TaskEntry>
  readonly queues: QueueNames
  readonly services: Omit<ContextServices, 'onProgress' | 'queueName'>
  readonly events: Emitter<Events>
  readonly pollInterval: number
  /** Monotonic milliseconds. */
  readonly now: () => number
}

/** The names of queues by their numbers; new ones may appear at any time. */
export interface QueueNames {
  has(queue: number): boolean
  name(queue: number): string
  refresh(): Promise<void>
}

export class Worker implements LeaseHolder {
  readonly #options: WorkerOptions
  readonly #claimer: Claimer
  readonly #settler: Settler
  readonly #context: Execution['context']
  readonly #running = new Set<RunningJob>()
  readonly #idle = new Bell()
  #stopping = false
  /** Until when jobs may be started without a pause. */
  #turnEnds = 0
  #breath: NodeJS.Immediate | undefined

  constructor(options: WorkerOptions) {
    this.#options = options
    const { store, book, lease, lanes, tasks, pollInterval, now, events } = options
    const services: ContextServices = {
      ...options.services,
      queueName: (queue) => options.queues.name(queue),
      onProgress: (running, done, total, note) => this.#progress(running, done, total, note),
    }
    this.#context = (running, task, payload) => new LazyJobContext(running, task.name, payload, services)
    this.#settler = new Settler({
      store,
      book,
      onSettled: (job, settlement) => this.#settled(job, settlement),
      onRefused: (job, settlement, answered) => this.#refused(job, settlement, answered),
      onFlushed: () => this.#idle.ring(),
      onWeather: (error, attempt) => events.emit('worker.weather', { doing: 'settle jobs', error, attempt }),
      onUnwritable: (job, error) => this.#unwritable(job, error),
    })
    lease.holdFor(this)
    this.#claimer = new Claimer({
      store,
      lanes,
      lease,
      tasks: [...tasks.keys()],
      pollInterval,
      now,
      isClogged: () => this.#settler.backlog > CLOGGED,
      onClaimed: (jobs) => this.#claimed(jobs),
      onWeather: (error, attempt) => events.emit('worker.weather', { doing: 'claim jobs', error, attempt }),
    })
  }

  start(): void {
    this.#claimer.start()
  }

  /** Jobs may have been added. */
  wake(queue?: number): void {
    this.#claimer.wake(queue)
  }

  /** A good moment, too, to give back what slow handlers will not get to soon. */
  leaseRenewed(): void {
    for (const lane of lanesOf(this.#options.lanes)) {
      for (const job of lane.takeExcess(this.#options.now())) this.#settler.add(job, { kind: 'released' })
    }
    this.#claimer.look()
  }

  /** Handlers under way. */
  get running(): number {
    return this.#running.size
  }

  /** Our jobs are, or may be, somebody else's: handlers are told, and what waits in memory goes back if it still is ours. */
  leaseLost(worker: number): void {
    this.#options.events.emit('worker.lease_lost', { worker, running: this.#running.size })
    this.#releaseBuffers()
    for (const running of this.#running) {
      if (running.job.lease.worker === worker) running.abort(new LeaseLostError('KT_LEASE_LOST', LEASE_LOST))
    }
  }

  /** Runs what is ready and what that adds, then resolves; waits for nothing scheduled. Instead of `start`. */
  async runUntilDry(): Promise<void> {
    while (!this.#stopping) {
      this.#claimer.wake()
      const claimed = await this.#claimer.runOnce()
      if (claimed === 0 && this.#isEmpty()) return
      if (claimed === 0 || claimed === undefined) await this.#idle.sleep(this.#options.pollInterval)
    }
  }

  /**
   * Two phases: no more claims, buffered jobs go back; running ones may end within `grace` ms, then their signals
   * abort, and what has not ended a moment later goes back too. Settlements are flushed last.
   */
  async stop(grace: number): Promise<void> {
    this.#stopping = true
    await this.#claimer.stop()
    this.#releaseBuffers()
    await this.#handlersEnded(grace)
    for (const running of this.#running)
      running.abort(new ShutdownError('KT_SHUTDOWN', SHUTDOWN), LAST_PATIENCE)
    await this.#handlersEnded(LAST_PATIENCE + 1_000)
    const gaveUp = new AbortController()
    const flushed = this.#settler.flushed().finally(() => gaveUp.abort())
    await pause(LAST_FLUSH, gaveUp.signal)
    this.#settler.giveUp()
    await flushed
  }

  #releaseBuffers(): void {
    for (const lane of lanesOf(this.#options.lanes)) {
      for (const job of lane.buffer.drain()) this.#settler.add(job, { kind: 'released' })
    }
  }

  async #handlersEnded(within: number): Promise<void> {
    const deadline = this.#options.now() + within
    while (this.#running.size > 0) {
      const left = deadline - this.#options.now()
      if (left <= 0) return
      await this.#idle.sleep(left)
    }
  }

  #isEmpty(): boolean {
    if (this.#running.size > 0 || this.#settler.backlog > 0) return false
    return [...lanesOf(this.#options.lanes)].every((lane) => lane.buffer.size === 0)
  }

  async #claimed(jobs: readonly ClaimedJob[]): Promise<void> {
    const { book, lanes, queues } = this.#options
    book.opened(jobs)
    if (jobs.some((job) => !queues.has(job.queueId))) await queues.refresh()
    for (const job of jobs) {
      const lane = lanes instanceof Lane ? lanes : lanes.get(job.queueId)
      if (lane === undefined || this.#stopping) this.#settler.add(job, { kind: 'released' })
      else lane.buffer.push(job)
    }
    for (const lane of lanesOf(lanes)) this.#fill(lane)
  }

  /** Starts as many jobs as there are slots, and lets the event loop breathe where handlers keep it busy. */
  #fill(lane: Lane): void {
    for (let now = this.#options.now(); ; now = this.#options.now()) {
      if (now > this.#turnEnds) {
        this.#breathe()
        return
      }
      const job = lane.next(now)
      if (job === undefined) return
      this.#start(lane, job, now)
    }
  }

  #breathe(): void {
    if (this.#breath !== undefined) return
    this.#breath = setImmediate(() => {
      this.#breath = undefined
      this.#turnEnds = this.#options.now() + LONGEST_TURN
      for (const lane of lanesOf(this.#options.lanes)) this.#fill(lane)
    })
  }

  #start(lane: Lane, job: ClaimedJob, startedAt: number): void {
    const { events, tasks } = this.#options
    const task = tasks.get(job.taskId)
    const running = new RunningJob(job)
    this.#running.add(running)
    if (events.has('job.started')) events.emit('job.started', { job: this.#factsOf(job) })
    const executed = task === undefined ? GIVEN_BACK : execute(this.#executionOf(running, task))
    if (!(executed instanceof Promise)) {
      this.#ended(lane, running, startedAt, executed)
      return
    }
    void executed.then((later) => {
      this.#ended(lane, running, startedAt, later)
      this.#fill(lane)
    })
  }

  #executionOf(running: RunningJob, task: TaskEntry): Execution {
    const { extras } = running.job
    const own = extras === null ? undefined : timeoutOf(JSON.parse(extras))
    return { running, task, timeout: own ?? task.defaults.timeout, context: this.#context }
  }

  #ended(lane: Lane, running: RunningJob, startedAt: number, executed: Executed): void {
    const { job } = running
    this.#running.delete(running)
    lane.ended(this.#options.now() - startedAt)
    if (executed.flaw !== undefined || executed.stuck) this.#report(job, executed)
    this.#settler.add(job, this.#decide(job, executed.outcome))
    if (lane.isLow) this.#claimer.look()
    this.#idle.ring()
  }

  #decide(job: ClaimedJob, outcome: Outcome): Settlement {
    const { attempt, maxAttempts, taskId } = job
    const backoff = this.#options.tasks.get(taskId)?.defaults.backoff
    return decide(outcome, { attempt, maxAttempts, backoff })
  }

  #report(job: ClaimedJob, { flaw, stuck }: Executed): void {
    const { events } = this.#options
    if (flaw !== undefined) events.emit('job.result_dropped', { job: this.#factsOf(job), why: flaw })
    if (stuck) events.emit('job.stuck', { job: this.#factsOf(job) })
  }

  #progress({ job }: RunningJob, done: number, total: number, note: string | undefined): void {
    this.#options.events.emit('job.progress', { job: this.#factsOf(job), done, total, note })
  }

  #settled(job: ClaimedJob, settlement: Settlement): void {
    const { events } = this.#options
    if (settlement.kind === 'retry' || settlement.kind === 'dead') {
      events.emit('job.failed', { job: this.#factsOf(job), settlement })
    }
    if (events.has('job.settled')) events.emit('job.settled', { job: this.#factsOf(job), settlement })
  }

  /** Nobody misses what was only to be given back. */
  #refused(job: ClaimedJob, { kind }: Settlement, answered: boolean): void {
    if (kind !== 'released')
      this.#options.events.emit('job.lost', { job: this.#factsOf(job), certain: answered })
  }

  #unwritable(job: ClaimedJob, error: unknown): Settlement {
    this.#options.events.emit('worker.weather', { doing: `settle job ${job.id}`, error, attempt: 1 })
    return this.#decide(job, {
      kind: 'failed',
      error: failedAttempt(error),
      permanent: false,
      retryIn: undefined,
    })
  }

  #factsOf({ id, taskId, queueId, attempt, maxAttempts }: ClaimedJob): JobFacts {
    const { tasks, queues } = this.#options
    return {
      id,
      task: tasks.get(taskId)?.name ?? String(taskId),
      queue: queues.name(queueId),
      attempt,
      maxAttempts,
    }
  }
}

const LEASE_LOST =
  'This process could not renew its lease in time (it was suspended, or could not reach the database), so another process may already run this job. Stop; nothing that happens here is recorded.'
const SHUTDOWN =
  'The runner is stopping and its grace period is over. The job is given back and loses no attempt.'

function lanesOf(lanes: Lanes): Iterable<Lane> {
  return lanes instanceof Lane ? [lanes] : lanes.values()
}
