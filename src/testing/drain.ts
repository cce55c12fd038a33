// Runs what is ready, in this process, with the real worker: claim, execute, settle, until nothing is left.
import { performance } from 'node:perf_hooks'
import { parsePositiveDuration, type Duration } from '../core/duration.ts'
import { KongTaskError } from '../core/errors.ts'
import type { Events, JobFacts } from '../core/events.ts'
import type { JobId, JobState } from '../core/job.ts'
import { checkInteger } from '../core/option-values.ts'
import { readOptions } from '../core/plain-object.ts'
import type { FailedAttempt } from '../core/outcome.ts'
import type { Settlement } from '../core/settlement.ts'
import type { Jobs } from '../client/jobs.ts'
import { startTimer } from '../runtime/timer.ts'
import type { SteppedRunner } from '../runner/runner.ts'
import { fireTicks } from './fire-ticks.ts'
import type { KitDatabase } from './kit-database.ts'
import type { KitClock } from './test-clock.ts'

/** When a drain is over. */
export type DrainTarget =
  | (() => boolean | Promise<boolean>)
  /** A job, and the state that it is to come to. */
  | { readonly job: JobId; readonly state: JobState }

export interface DrainOptions {
  /**
   * What is to come about. For as long as it has not, and nothing is ready, the clock moves to whatever is due next: a
   * retry, a scheduled job, the tick of a schedule. Where nothing is left to come, the call rejects with KT_TEST_DRAIN.
   * @default nothing is ready; the clock stays
   */
  readonly until?: DrainTarget | undefined
  /** How long no job may begin, end or report progress while some run; real time. @default 3 s */
  readonly timeout?: Duration | undefined
  /** Attempts after which it gives up: jobs may add jobs for ever. @default 1000 */
  readonly most?: number | undefined
}

/** An attempt that was made, and what became of the job. */
export interface DrainedJob {
  readonly job: JobFacts
  readonly settlement: Settlement
}

/** An attempt that failed. */
export interface JobFailure {
  readonly job: JobFacts
  readonly error: FailedAttempt
  readonly isDead: boolean
}

export interface Drained {
  /** Every attempt, in the order in which they ended. */
  readonly jobs: readonly DrainedJob[]
  readonly completed: number
  readonly failures: readonly JobFailure[]
}

export interface DrainParts {
  readonly runner: SteppedRunner
  readonly database: Pick<KitDatabase, 'nextDue' | 'nextTickIn' | 'store'>
  readonly clock: KitClock
  readonly jobs: Jobs
}

const KNOWN: ReadonlySet<string> = new Set(['until', 'timeout', 'most'])
/** Whoever waits for 5 s for a test, as vitest does, is to hear before that what is the matter. */
const DEFAULTS = { timeout: '3s', most: 1_000 }
const MOST_ATTEMPTS = 1_000_000
/** Jobs that a message shows. */
const MOST_SHOWN = 5
/** How often it looks for what comes next, without the condition coming about. */
const MOST_LOOKS = 10_000

/** @throws KT_TEST_DRAIN, KT_OPTION_INVALID, KT_OPTION_UNKNOWN */
export async function drain(parts: DrainParts, options: DrainOptions | undefined): Promise<Drained> {
  const { until, timeout, most } = readDrainOptions(options)
  const { runner, database, clock, jobs } = parts
  const watch = new DrainWatch(runner, timeout, most)
  try {
    let since = until === undefined ? undefined : (await database.nextDue()).at
    for (let looks = 1; ; looks++) {
      await fireTicks(database)
      await watch.during(runner.runUntilDry())
      if (until === undefined || (await hasCome(until, jobs))) return watch.drained()
      // What has fallen due since the run began may have come too late for it.
      const { at, dueIn } = await database.nextDue(since)
      if (dueIn === Infinity || looks === MOST_LOOKS) throw await neverCame(jobs, until, watch.drained())
      if (dueIn > 0) await clock.advanceBy(dueIn)
      since = at
    }
  } finally {
    watch.end()
  }
}

interface CheckedDrain {
  readonly until: DrainTarget | undefined
  readonly timeout: number
  readonly most: number
}

function readDrainOptions(options: DrainOptions | undefined): CheckedDrain {
  const { timeout = DEFAULTS.timeout, most = DEFAULTS.most } = readOptions(options, KNOWN, 'drain')
  return {
    until: options?.until,
    timeout: parsePositiveDuration(timeout, 'timeout'),
    most: checkInteger(most, 'most', 1, MOST_ATTEMPTS),
  }
}

async function hasCome(until: DrainTarget, jobs: Jobs): Promise<boolean> {
  if (typeof until === 'function') return until()
  return (await jobs.get(until.job))?.state === until.state
}

/** Sees what the worker does, and when it does nothing any more. */
class DrainWatch {
  readonly #started: JobFacts[] = []
  readonly #settled: DrainedJob[] = []
  readonly #failures: JobFailure[] = []
  readonly #running = new Map<string, JobFacts>()
  readonly #timeout: number
  readonly #most: number
  readonly #forget: (() => void)[]
  #moved = performance.now()
  #giveUp: ((error: Error) => void) | undefined

  constructor(runner: SteppedRunner, timeout: number, most: number) {
    this.#timeout = timeout
    this.#most = most
    const on = <N extends keyof Events>(name: N, listener: (event: Events[N]) => void): (() => void) =>
      runner.on(name, (event) => {
        this.#moved = performance.now()
        listener(event)
      })
    this.#forget = [
      on('job.started', ({ job }) => {
        this.#running.set(job.id, job)
        if (this.#started.length === this.#most) this.#giveUp?.(this.#endless())
        else this.#started.push(job)
      }),
      on('job.progress', () => undefined),
      on('job.failed', ({ job, settlement }) => {
        this.#failures.push({ job, error: settlement.error, isDead: settlement.kind === 'dead' })
      }),
      on('job.settled', ({ job, settlement }) => {
        this.#running.delete(job.id)
        this.#settled.push({ job, settlement })
      }),
    ]
  }

  /** Rejects where the work does not end. */
  async during(work: Promise<void>): Promise<void> {
    this.#moved = performance.now()
    let timer = startTimer(Infinity, () => undefined)
    const gaveUp = new Promise<never>((_resolve, reject) => {
      this.#giveUp = reject
      const look = (): void => {
        const left = this.#timeout - (performance.now() - this.#moved)
        if (left <= 0) reject(this.#stalled())
        else timer = startTimer(left, look)
      }
      look()
    })
    try {
      await Promise.race([work, gaveUp])
    } finally {
      timer.stop()
      this.#giveUp = undefined
      // What goes on after it was given up is nobody's to hear.
      work.catch(() => undefined)
    }
  }

  drained(): Drained {
    return {
      jobs: [...this.#settled],
      completed: this.#settled.filter(({ settlement }) => settlement.kind === 'completed').length,
      failures: [...this.#failures],
    }
  }

  end(): void {
    for (const forget of this.#forget) forget()
  }

  #stalled(): KongTaskError {
    const running = [...this.#running.values()].map(
      ({ task, id, attempt }) => `  ${task} ${id}, attempt ${attempt}`,
    )
    const what =
      running.length === 0 ? ['  no handler: the database does not answer'] : running.slice(0, MOST_SHOWN)
    return new KongTaskError(
      'KT_TEST_DRAIN',
      [
        `Nothing has moved for ${this.#timeout} ms. What does not end:`,
        ...what,
        ...failureLines(this.#failures),
      ].join('\n'),
    )
  }

  #endless(): KongTaskError {
    const counts = new Map<string, number>()
    for (const { task } of this.#started) counts.set(task, (counts.get(task) ?? 0) + 1)
    const tasks = [...counts].map(([task, count]) => `  ${count} × ${task}`)
    return new KongTaskError(
      'KT_TEST_DRAIN',
      [
        `There is no end of it: ${this.#most} attempts were made, and there is more. Jobs that add jobs, or are snoozed for no time?`,
        ...tasks,
        ...failureLines(this.#failures),
      ].join('\n'),
    )
  }
}

/** A line for each of the last attempts that failed. */
export function failureLines(failures: readonly JobFailure[]): string[] {
  if (failures.length === 0) return []
  const lines = failures
    .slice(-MOST_SHOWN)
    .map(
      ({ job: { task, id, attempt }, error, isDead }) =>
        `  ${task} ${id}, attempt ${attempt}: ${error.name}: ${error.message}${isDead ? ' (dead)' : ''}`,
    )
  return [
    `${failures.length} attempts failed${failures.length > MOST_SHOWN ? ', the last of them' : ''}:`,
    ...lines,
  ]
}

async function neverCame(
  jobs: Jobs,
  until: DrainTarget,
  { jobs: attempts, failures }: Drained,
): Promise<KongTaskError> {
  const wanted =
    typeof until === 'function'
      ? 'The condition has'
      : `Job ${until.job} has not come to be ${until.state}: it has`
  const live = await jobs.list({ state: ['ready', 'scheduled', 'running'] }, { limit: MOST_SHOWN })
  const lines = await Promise.all(
    live.jobs.map(async ({ id, task }) => `  ${task} ${id}: ${(await jobs.explain(id)).sentence}`),
  )
  const named =
    typeof until === 'function' ? [] : [`  ${until.job}: ${(await jobs.explain(until.job)).sentence}`]
  return new KongTaskError(
    'KT_TEST_DRAIN',
    [
      `${wanted} not come about, and nothing more happens by itself. ${attempts.length} attempts were made.`,
      ...named,
      ...(lines.length === 0 ? [] : ['Jobs that are left:', ...lines]),
      ...failureLines(failures),
    ].join('\n'),
  )
}
