import { parseDuration, type Duration } from './duration.ts'
import { KongTaskError } from './errors.ts'
import type { HandledTask } from './handler.ts'
import type { JobContext } from './job-context.ts'
import type { JobId } from './job.ts'
import { checkInteger, invalid } from './option-values.ts'
import { readOptions } from './plain-object.ts'
import { showValue } from './show-value.ts'
import { isTask, type AnyTask, type OutputOf } from './task.ts'
import { isCancel, isSnooze, type Cancel, type Snooze } from './verdict.ts'

// A registered symbol, so that another copy of the package may have made the task.
export const CHUNK: unique symbol = Symbol.for('kongtask.chunk')

/** How jobs are gathered for a chunk handler. */
export interface ChunkOptions {
  /** The most jobs of one call, 1 to 1000; never more than run at a time in this process (`concurrency`, `queues`). */
  readonly size: number
  /** How long the first job of a chunk may wait for others, up to a minute. @default 50 ms */
  readonly wait?: Duration | undefined
}

/** One job of a chunk, with the context that its own handler would have. */
export interface ChunkJob<Payload = unknown> {
  readonly payload: Payload
  /** Its `signal` aborts for this job alone: when it was cancelled, or ran into its timeout. */
  readonly context: JobContext
}

/** What a chunk handler receives beside the jobs. */
export interface ChunkContext extends Pick<JobContext, 'pool' | 'withTransaction'> {
  /** Aborts when the signals of all its jobs have: there is nobody left to work for. */
  readonly signal: AbortSignal
}

/** What became of one job of a chunk: `done(result)`, `failed(error)`, `snooze(…)`, `cancel(…)`. */
export type ChunkOutcome = PromiseSettledResult<unknown> | Snooze | Cancel

/** An outcome for each job: in their order, or by their ids; nothing at all where each is done and has no result. */
export type ChunkAnswer = readonly ChunkOutcome[] | ReadonlyMap<JobId, ChunkOutcome> | undefined

/** Performs up to `size` jobs of a task. What it throws is thrown for each of them. */
export type ChunkHandler<Payload = unknown> = (
  jobs: readonly ChunkJob<Payload>[],
  context: ChunkContext,
  // oxlint-disable-next-line typescript/no-invalid-void-type -- a function that returns nothing says that all is done
) => ChunkAnswer | void | Promise<ChunkAnswer | void>

/** A chunk handler as the worker uses it. */
export interface ChunkSpec {
  readonly size: number
  /** Milliseconds. */
  readonly wait: number
  // Method syntax: what it expects of payloads is its contract's to say.
  perform(jobs: readonly ChunkJob[], context: ChunkContext): unknown
}

const KNOWN: ReadonlySet<string> = new Set(['size', 'wait'])
const LARGEST = 1_000
const DEFAULT_WAIT = 50
const LONGEST_WAIT = 60_000

/**
 * Joins a contract and a function that performs many of its jobs in one call: whatever comes within `wait` of the first,
 * up to `size`. Each job takes a slot, keeps its own attempt, timeout (which counts from when it began to wait), signal
 * and middleware, and is settled on its own.
 *
 * @throws KT_TASK_INVALID, KT_OPTION_INVALID, KT_OPTION_UNKNOWN, KT_DURATION_INVALID
 * @example
 * handleChunk(indexPage, { size: 100, wait: '200ms' }, async (jobs) => {
 *   const answers = await search.bulk(jobs.map(({ payload }) => payload.page))
 *   return answers.map(({ error }) => (error === undefined ? done() : failed(error)))
 * })
 */
export function handleChunk<T extends AnyTask>(
  task: T,
  options: ChunkOptions,
  handler: ChunkHandler<OutputOf<T>>,
): HandledTask {
  if (!isTask(task))
    throw wrong(`the first argument must be what defineTask returned, not ${showValue(task)}`)
  if (typeof handler !== 'function') {
    throw wrong(`the handler of task "${task.name}" must be a function, not ${showValue(handler)}`)
  }
  const { size, wait = DEFAULT_WAIT } = readOptions(options, KNOWN, 'handleChunk')
  const ms = parseDuration(wait, 'wait')
  if (ms > LONGEST_WAIT) throw invalid('wait', wait, 'must be at most a minute')
  const spec: ChunkSpec = Object.freeze({
    size: checkInteger(size, 'size', 1, LARGEST),
    wait: ms,
    perform: handler,
  })
  return Object.freeze({ name: task.name, task, handle: alone(spec), [CHUNK]: spec })
}

/** Whoever calls it as a handler has a chunk of one. */
function alone(spec: ChunkSpec): HandledTask['handle'] {
  return async (payload, context) => {
    const job: ChunkJob = { payload, context }
    const [outcome] = chunkOutcomes(await spec.perform([job], context), [job])
    if (outcome?.status === 'rejected') throw outcome.reason
    return outcome?.value
  }
}

/** The job of a chunk is completed, with this result. */
export function done(result?: unknown): PromiseFulfilledResult<unknown> {
  return { status: 'fulfilled', value: result }
}

/** The job of a chunk has failed, as if its handler had thrown this. */
export function failed(error: unknown): PromiseRejectedResult {
  return { status: 'rejected', reason: error }
}

/** What a chunk handler's answer means for each job, as what its own handler would have returned or thrown. */
export function chunkOutcomes(
  answer: unknown,
  jobs: readonly ChunkJob[],
): readonly PromiseSettledResult<unknown>[] {
  if (answer === undefined) return jobs.map(() => done())
  if (answer instanceof Map) return jobs.map(({ context }) => outcomeOf(answer.get(context.job.id)))
  if (!Array.isArray(answer)) return jobs.map(() => failed(noAnswer(`it returned ${showValue(answer)}`)))
  if (answer.length === jobs.length) return answer.map(outcomeOf)
  const error = noAnswer(`it returned ${answer.length} outcomes for ${jobs.length} jobs`)
  return jobs.map(() => failed(error))
}

function outcomeOf(value: unknown): PromiseSettledResult<unknown> {
  if (isSnooze(value) || isCancel(value)) return done(value)
  if (isSettled(value)) return value
  return failed(noAnswer(`for this job it said ${showValue(value)}`))
}

function isSettled(value: unknown): value is PromiseSettledResult<unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    'status' in value &&
    (value.status === 'fulfilled' || value.status === 'rejected')
  )
}

function noAnswer(why: string): KongTaskError {
  return new KongTaskError(
    'KT_CHUNK_INVALID',
    `A chunk handler must return an outcome for each job (done, failed, snooze or cancel): an array in their order, or a Map by id; ${why}.`,
  )
}

function wrong(why: string): KongTaskError {
  return new KongTaskError('KT_TASK_INVALID', `handleChunk: ${why}.`)
}
