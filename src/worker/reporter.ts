// What a worker tells of its jobs, as events. Facts about a job are put together only where somebody hears of them: most
// jobs come and go without.
import type { Events } from '../core/events.ts'
import type { JobFacts } from '../core/job-facts.ts'
import type { Settlement } from '../core/settlement.ts'
import type { ClaimedJob } from '../store/claim-jobs.ts'
import type { WorkerOptions } from './worker-options.ts'

export class Reporter {
  readonly #options: Pick<WorkerOptions, 'events' | 'tasks' | 'queues'>
  /** Of each task, the versions of which was told that they are too new. */
  readonly #outdated = new Map<number, Set<number>>()

  constructor(options: Pick<WorkerOptions, 'events' | 'tasks' | 'queues'>) {
    this.#options = options
  }

  factsOf({ id, taskId, queueId, attempt, maxAttempts }: ClaimedJob): JobFacts {
    const { tasks, queues } = this.#options
    const task = tasks.get(taskId)?.name ?? String(taskId)
    return { id, task, queue: queues.name(queueId), attempt, maxAttempts }
  }

  started(job: ClaimedJob): void {
    const { events } = this.#options
    if (events.has('job.started')) events.emit('job.started', { job: this.factsOf(job) })
  }

  progress(job: ClaimedJob, done: number, total: number, note: string | undefined): void {
    const { events } = this.#options
    if (events.has('job.progress')) events.emit('job.progress', { job: this.factsOf(job), done, total, note })
  }

  stuck(job: ClaimedJob): void {
    this.#options.events.emit('job.stuck', { job: this.factsOf(job) })
  }

  resultDropped(job: ClaimedJob, why: string): void {
    this.#options.events.emit('job.result_dropped', { job: this.factsOf(job), why })
  }

  /** Of many jobs that wait for the same, one is told. */
  outdated(job: ClaimedJob, version: number, delay: number): void {
    const told = this.#outdated.get(job.taskId) ?? new Set<number>()
    if (told.has(version)) return
    this.#outdated.set(job.taskId, told.add(version))
    const { events, tasks } = this.#options
    const knows = tasks.get(job.taskId)?.version ?? version
    events.emit('worker.outdated', { job: this.factsOf(job), version, knows, delay })
  }

  backoffFailed(event: Events['job.backoff_failed']): void {
    this.#options.events.emit('job.backoff_failed', event)
  }

  outcomeIgnored(job: ClaimedJob, settlement: Settlement): void {
    this.#options.events.emit('job.outcome_ignored', { job: this.factsOf(job), settlement })
  }

  settled(job: ClaimedJob, settlement: Settlement): void {
    const { events } = this.#options
    if (settlement.kind === 'retry' || settlement.kind === 'dead') {
      events.emit('job.failed', { job: this.factsOf(job), settlement })
    }
    if (events.has('job.settled')) events.emit('job.settled', { job: this.factsOf(job), settlement })
  }

  /** Nobody misses what was only to be given back. */
  refused(job: ClaimedJob, { kind }: Settlement, answered: boolean): void {
    if (kind === 'released') return
    this.#options.events.emit('job.lost', { job: this.factsOf(job), certain: answered })
  }

  /** What the database or the network does to us while we are `doing` something. */
  weather(doing: string): (error: unknown, attempt?: number) => void {
    return (error, attempt = 1) => this.#options.events.emit('worker.weather', { doing, error, attempt })
  }
}
