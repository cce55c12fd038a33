// Front door of the consuming half. A job goes through these, in this order:
//
//     claimer → intake → dispatcher → executor → endings → settler
//
// The one invariant: every claimed job ends in the settler exactly once, or the lease that entitled us to it is gone.
import { JobCancelledError, LeaseLostError, ShutdownError } from '../core/errors.ts'
import type { WorkerMessage } from '../core/worker-message.ts'
import { Bell } from '../runtime/bell.ts'
import type { ClaimedJob } from '../store/claim-jobs.ts'
import type { WakeUp } from '../store/listener.ts'
import { AttemptRecords } from './attempt-record.ts'
import { Claimer } from './claimer.ts'
import { Dispatcher } from './dispatcher.ts'
import { Endings } from './endings.ts'
import { handlerServices } from './handler-services.ts'
import { Intake } from './intake.ts'
import { LazyJobContext } from './job-context.ts'
import type { LeaseHolder } from './lease-keeper.ts'
import { ProgressWriter } from './progress-writer.ts'
import { Reporter } from './reporter.ts'
import type { WorkerOptions } from './worker-options.ts'

export type { QueueNames, WorkerOptions } from './worker-options.ts'

/** Unsettled jobs from which on no more are claimed. */
const CLOGGED = 5_000
/** After the grace period: how long aborted handlers may still take before they are left behind. Milliseconds. */
const LAST_PATIENCE = 5_000
/** How long the last settlements may take to be written, when the database does not answer. Milliseconds. */
const LAST_FLUSH = 10_000

export class Worker implements LeaseHolder {
  readonly #options: WorkerOptions
  readonly #claimer: Claimer
  readonly #intake: Intake
  readonly #dispatcher: Dispatcher
  readonly #endings: Endings
  readonly #reporter: Reporter
  /** Rings when a job has ended, a batch was written, or there may be more to claim. */
  readonly #progressed = new Bell()
  /** The last time that the database was told of a job that runs alone. */
  #telling: Promise<unknown> | undefined

  constructor(options: WorkerOptions) {
    this.#options = options
    const { store, tasks, now } = options
    const reporter = new Reporter(options)
    this.#reporter = reporter
    const records = new AttemptRecords()
    const progress = new ProgressWriter({
      store,
      now,
      onWeather: reporter.weather('keep the progress of jobs'),
    })
    const services = handlerServices({ ...options, records, progress, reporter })
    this.#endings = new Endings({
      ...options,
      records,
      progress,
      reporter,
      onEnded: () => this.#progressed.ring(),
      onFlushed: (batch) => {
        this.#dispatcher.settled(batch)
        // It may have been clogged.
        this.#moreToClaim()
      },
    })
    this.#dispatcher = new Dispatcher({
      ...options,
      context: (running, task, payload) => new LazyJobContext(running, task.name, payload, services),
      tellAlone: (job) => {
        const telling = this.#tellAlone(job)
        this.#telling = telling
        return telling
      },
      onStarted: (job) => reporter.started(job),
      onEnded: (job, executed) => this.#endings.ended(job, executed),
      onLow: () => this.#moreToClaim(),
    })
    this.#intake = new Intake({ ...options, dispatcher: this.#dispatcher, endings: this.#endings, reporter })
    this.#claimer = new Claimer({
      ...options,
      tasks: [...tasks.keys()],
      isClogged: () => this.#endings.backlog > CLOGGED,
      onClaimed: (jobs) => this.#intake.claimed(jobs),
      onWeather: reporter.weather('claim jobs'),
    })
    options.lease.holdFor(this)
  }

  start(): void {
    this.#claimer.start()
  }

  /** Jobs may have been added. */
  wake(wake?: WakeUp): void {
    this.#claimer.wake(wake)
    this.#progressed.ring()
  }

  /** Handlers under way. */
  get running(): number {
    return this.#dispatcher.running
  }

  /** Handlers are told; what waits in memory goes back, if it is still ours to give. The fence knows. */
  leaseLost(worker: number): void {
    this.#options.events.emit('worker.lease_lost', { worker, running: this.running })
    this.#endings.release(this.#dispatcher.drain())
    this.#dispatcher.abort(new LeaseLostError('KT_LEASE_LOST', LEASE_LOST), { worker })
  }

  /** A good moment, too, to give back what slow handlers will not get to soon. */
  leaseRenewed(): void {
    this.#endings.release(this.#dispatcher.takeExcess())
    this.#claimer.look()
  }

  told(message: WorkerMessage): void {
    switch (message.kind) {
      case 'cancel':
        // Whoever runs ends by itself; anywhere else it must not start.
        if (this.#dispatcher.abortJob(message.job, new JobCancelledError(message.reason))) return
        this.#intake.told(message)
        return
      case 'pause':
        this.#intake.told(message)
        return
      case 'drain':
        this.#options.onDrain()
        return
      default:
        message satisfies never
    }
  }

  /** Runs what is ready and what that adds, then resolves; waits for nothing scheduled. Instead of `start`. */
  async runUntilDry(): Promise<void> {
    while (!this.#intake.isClosed) {
      // Here somebody does wait for settlements: the last look comes behind them.
      if (this.#dispatcher.isEmpty) await this.#endings.written()
      this.#claimer.wake()
      // Asked first: a handler that ends while the claim is under way may have added what the claim did not see.
      const isIdle = this.#dispatcher.isEmpty && this.#endings.backlog === 0
      const claimed = await this.#claimer.runOnce()
      if (claimed === 0 && isIdle) return
      if (claimed === 0 || claimed === undefined) await this.#progressed.sleep(this.#options.pollInterval)
    }
  }

  /**
   * Two phases: no more claims, buffered jobs go back; running ones may end within `grace` ms, then their signals
   * abort, and what has not ended `lastPatience` ms later goes back too. Settlements are flushed last.
   */
  async stop(grace: number, lastPatience = LAST_PATIENCE): Promise<void> {
    // At once: while the last claim is awaited, handlers end, and nothing must take their places.
    this.#intake.close()
    const untold = this.#tellNoneAlone()
    await this.#claimer.stop()
    await this.#handlersEnded(grace)
    this.#dispatcher.abort(new ShutdownError('KT_SHUTDOWN', SHUTDOWN), { patience: lastPatience })
    await this.#handlersEnded(lastPatience + 1_000)
    await this.#endings.flush(LAST_FLUSH)
    await untold
  }

  /** Whether it may start: where the database cannot be told, a crash is only counted. */
  async #tellAlone({ id, lease: { worker, claim } }: ClaimedJob): Promise<boolean> {
    const { store, lease } = this.#options
    const { registration } = lease
    if (registration?.worker !== worker) return false
    const weather = this.#reporter.weather('say that a job runs alone')
    try {
      if (await store.runAlone(registration, { id, claim })) return true
      // Not waited for: starting anew may take as long as the database likes.
      lease.lost(registration).catch(weather)
      return false
    } catch (error) {
      weather(error)
      return true
    }
  }

  /** A process that stops may be ended roughly: from now on its death says nothing of the job that runs alone. Never rejects. */
  async #tellNoneAlone(): Promise<void> {
    const { store, lease } = this.#options
    const hasTold = await this.#telling
    const { registration } = lease
    if (hasTold === undefined || registration === undefined) return
    try {
      await store.runAlone(registration, undefined)
    } catch (error) {
      this.#reporter.weather('say that no job runs alone')(error)
    }
  }

  #moreToClaim(): void {
    this.#claimer.look()
    this.#progressed.ring()
  }

  async #handlersEnded(within: number): Promise<void> {
    const deadline = this.#options.now() + within
    while (this.running > 0 && this.#options.now() < deadline) {
      await this.#progressed.sleep(deadline - this.#options.now())
    }
  }
}

const LEASE_LOST =
  'This process could not renew its lease in time (it was suspended, or could not reach the database), so another process may already run this job. Stop; nothing that happens here is recorded.'
const SHUTDOWN =
  'The runner is stopping and its grace period is over. The job is given back and loses no attempt.'
