// From the lanes' buffers into their slots: starts handlers as slots open, and knows what runs.
import { isNewer } from '../core/decode-payload.ts'
import { deferralDelay } from '../core/deferral.ts'
import type { PayloadCipher } from '../core/payload-cipher.ts'
import type { TaskEntry } from '../core/task-list.ts'
import type { ClaimedJob } from '../store/claim-jobs.ts'
import { PLAIN_WORK, workFactsOf } from '../store/rows.ts'
import type { Lanes } from './claimer.ts'
import { execute, type Executed, type Execution } from './executor.ts'
import { Isolation } from './isolation.ts'
import { Lane } from './lane.ts'
import { RunningJob } from './running-job.ts'

/** How long handlers that never wait may keep the event loop, heartbeats and all, before it gets its turn. */
const LONGEST_TURN = 10

const GIVEN_BACK: Executed = { outcome: { kind: 'interrupted' } }

export interface DispatcherOptions {
  readonly lanes: Lanes
  readonly tasks: ReadonlyMap<number, TaskEntry>
  readonly context: Execution['context']
  /** Opens payloads that are sealed. */
  readonly cipher?: PayloadCipher | undefined
  /** Milliseconds that a handler has to end once its signal has aborted. @default 30 s */
  readonly stuckAfter?: number | undefined
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** Tells the database that this job runs alone here. False: it is no longer ours to run. Never rejects. */
  readonly tellAlone: (job: ClaimedJob) => Promise<boolean>
  readonly onStarted: (job: ClaimedJob) => void
  readonly onEnded: (job: ClaimedJob, executed: Executed) => void
  /** A lane has room for more. */
  readonly onLow: () => void
}

export class Dispatcher {
  readonly #options: DispatcherOptions
  readonly #lanes: readonly Lane[]
  readonly #running = new Set<RunningJob>()
  /** Handlers that were left behind and have not returned: they have no slot, and are at work all the same. */
  readonly #leftBehind = new Set<RunningJob>()
  readonly #isolation: Isolation
  /** Until when jobs may be started without a pause. */
  #turnEnds = 0
  #breath: NodeJS.Immediate | undefined

  constructor(options: DispatcherOptions) {
    this.#options = options
    this.#lanes = options.lanes instanceof Lane ? [options.lanes] : [...options.lanes.values()]
    this.#isolation = new Isolation({
      lanes: this.#lanes,
      tell: options.tellAlone,
      start: (lane, job) => {
        const now = options.now()
        lane.begin(now)
        this.#start(lane, job, now)
      },
      giveBack: (job) => options.onEnded(job, GIVEN_BACK),
      putOff: (job) => options.onEnded(job, { outcome: { kind: 'deferred', delay: this.#deferral(job) } }),
      atWork: () => [...this.#running, ...this.#leftBehind],
      onOver: () => this.#goOn(),
      now: options.now,
    })
  }

  /** Handlers under way. */
  get running(): number {
    return this.#running.size
  }

  /** Nothing waits, nothing runs. */
  get isEmpty(): boolean {
    return (
      this.#running.size === 0 &&
      !this.#isolation.isActive &&
      this.#lanes.every((lane) => lane.buffer.size === 0)
    )
  }

  /** Buffers jobs and starts what has a slot. Returns those that have no lane here. */
  take(jobs: readonly ClaimedJob[]): ClaimedJob[] {
    const stray: ClaimedJob[] = []
    const now = this.#options.now()
    for (const job of jobs) {
      const lane = this.#laneOf(job)
      if (lane === undefined) stray.push(job)
      else if (Isolation.isSuspect(job)) this.#isolation.add(lane, job)
      else lane.put(job, now)
    }
    this.#isolation.proceed()
    // They came from the database, so the event loop has just had its turn; to wait for the next would keep them waiting.
    this.#turnEnds = this.#options.now() + LONGEST_TURN
    for (const lane of this.#lanes) this.#fill(lane)
    return stray
  }

  /** Empties the buffers: these jobs were never started. */
  drain(): ClaimedJob[] {
    const buffered = this.#lanes.flatMap((lane) => lane.buffer.drain())
    return [...this.#isolation.take(() => true), ...buffered]
  }

  #laneOf({ queueId }: ClaimedJob): Lane | undefined {
    const { lanes } = this.#options
    return lanes instanceof Lane ? lanes : lanes.get(queueId)
  }

  /** Takes out of the buffers what slow handlers will not get to soon. */
  takeExcess(): ClaimedJob[] {
    const now = this.#options.now()
    return [...this.#isolation.takeExcess(now), ...this.#lanes.flatMap((lane) => lane.takeExcess(now))]
  }

  /** Takes out of the buffers what must not start now. */
  takeBuffered(isMeant: (job: ClaimedJob) => boolean): ClaimedJob[] {
    const buffered = this.#lanes.flatMap((lane) => lane.buffer.takeWhere(isMeant))
    return [...this.#isolation.take(isMeant), ...buffered]
  }

  /** Nothing more is written about these jobs. */
  settled(entries: readonly { readonly job: ClaimedJob }[]): void {
    this.#isolation.settled(entries)
  }

  /** Tells one handler to end. False where it does not run here. */
  abortJob(id: string, reason: Error): boolean {
    for (const running of this.#running) {
      if (running.job.id !== id) continue
      running.abort(reason)
      return true
    }
    return false
  }

  /** Tells handlers to end; `patience`: milliseconds until those that do not are left behind. */
  abort(reason: Error, options: { readonly worker?: number; readonly patience?: number } = {}): void {
    for (const running of this.#running) {
      const { worker = running.job.lease.worker } = options
      if (running.job.lease.worker === worker) running.abort(reason, options.patience)
    }
  }

  /** Starts as many jobs as there are slots, and lets the event loop breathe where handlers keep it busy. */
  #fill(lane: Lane): void {
    if (this.#isolation.isActive) return
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

  /** Behind those that ran alone. */
  #goOn(): void {
    this.#turnEnds = this.#options.now() + LONGEST_TURN
    for (const lane of this.#lanes) this.#fill(lane)
    if (this.#lanes.some((lane) => lane.isLow)) this.#options.onLow()
  }

  #breathe(): void {
    if (this.#breath !== undefined) return
    this.#breath = setImmediate(() => {
      this.#breath = undefined
      this.#turnEnds = this.#options.now() + LONGEST_TURN
      for (const lane of this.#lanes) this.#fill(lane)
      // What one claim brings may be fewer than there are slots.
      if (this.#lanes.some((lane) => lane.isLow)) this.#options.onLow()
    })
  }

  #start(lane: Lane, job: ClaimedJob, startedAt: number): void {
    const running = new RunningJob(job, this.#options.stuckAfter)
    this.#running.add(running)
    const executed = this.#execute(running)
    if (!(executed instanceof Promise)) {
      this.#ended(lane, running, startedAt, executed)
      return
    }
    void executed.then((later) => {
      this.#ended(lane, running, startedAt, later)
      this.#fill(lane)
    })
  }

  #execute(running: RunningJob): Executed | Promise<Executed> {
    const { tasks, context, cipher, onStarted } = this.#options
    const { taskId, extras } = running.job
    const task = tasks.get(taskId)
    if (task === undefined) return GIVEN_BACK
    const facts = extras === null ? PLAIN_WORK : workFactsOf(JSON.parse(extras))
    if (isNewer(facts.version, task)) {
      return { outcome: { kind: 'deferred', delay: this.#deferral(running.job) }, newer: facts.version }
    }
    onStarted(running.job)
    return execute({ running, task, facts, timeout: facts.timeout ?? task.defaults.timeout, cipher, context })
  }

  #deferral({ extras }: ClaimedJob): number {
    return deferralDelay(extras === null ? 0 : workFactsOf(JSON.parse(extras)).deferrals)
  }

  #ended(lane: Lane, running: RunningJob, startedAt: number, executed: Executed): void {
    this.#running.delete(running)
    lane.ended(this.#options.now() - startedAt)
    this.#options.onEnded(running.job, executed)
    this.#isolation.ended(running.job)
    if (executed.stuck === true) this.#leaveBehind(running)
    else this.#isolation.returned(running)
    if (lane.isLow) this.#options.onLow()
  }

  #leaveBehind(running: RunningJob): void {
    this.#leftBehind.add(running)
    running.onReturned(() => {
      this.#leftBehind.delete(running)
      this.#isolation.returned(running)
    })
  }
}
