// Gathers jobs for chunk handlers. Each job is executed like any other, by a handler that waits for its part of a chunk:
// so its attempt, timeout, signal, middleware and settlement are its own.
import { chunkOutcomes, type ChunkContext, type ChunkJob, type ChunkSpec } from '../core/chunk.ts'
import type { TaskEntry } from '../core/task-list.ts'
import { startTimer, type Timer } from '../runtime/timer.ts'

/**
 * The task with a handler that performs chunks, where it has a chunk handler.
 *
 * @param most jobs that can be under way at once: who waits for more would wait in vain
 */
export function withChunks(task: TaskEntry, most: number): TaskEntry {
  if (task.chunk === undefined) return task
  const gathering = new Gathering(task.chunk, Math.min(task.chunk.size, most))
  return { ...task, handle: (payload, context) => gathering.add({ payload, context }) }
}

interface Member {
  readonly job: ChunkJob
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
}

class Gathering {
  readonly #spec: ChunkSpec
  readonly #size: number
  #members: Member[] = []
  #timer: Timer | undefined

  constructor(spec: ChunkSpec, size: number) {
    this.#spec = spec
    this.#size = size
  }

  /** What the chunk that this job comes into has to say about it. */
  add(job: ChunkJob): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const { signal } = job.context
      const member: Member = { job, resolve, reject }
      this.#members.push(member)
      // Told to end while it waits: it must not be performed any more.
      const leave = (): void => {
        const at = this.#members.indexOf(member)
        if (at === -1) return
        this.#members.splice(at, 1)
        reject(signal.reason)
      }
      signal.addEventListener('abort', leave, { once: true })
      if (signal.aborted) leave()
      if (this.#members.length >= this.#size) this.#begin()
      else this.#timer ??= startTimer(this.#spec.wait, () => this.#begin())
    })
  }

  #begin(): void {
    this.#timer?.stop()
    this.#timer = undefined
    const members = this.#members
    this.#members = []
    if (members.length > 0) void perform(this.#spec, members)
  }
}

/** Never rejects: whatever happens is said to the members. */
async function perform(spec: ChunkSpec, members: readonly Member[]): Promise<void> {
  const jobs = members.map(({ job }) => job)
  try {
    const outcomes = chunkOutcomes(await spec.perform(jobs, contextOf(jobs)), jobs)
    for (const [index, outcome] of outcomes.entries()) {
      if (outcome.status === 'fulfilled') members[index]?.resolve(outcome.value)
      else members[index]?.reject(outcome.reason)
    }
  } catch (error) {
    for (const { reject } of members) reject(error)
  }
}

function contextOf(jobs: readonly ChunkJob[]): ChunkContext {
  const [first] = jobs
  if (first === undefined) throw new TypeError('a chunk of no jobs')
  const { pool, withTransaction } = first.context
  return { signal: whenAllHave(jobs.map(({ context }) => context.signal)), pool, withTransaction }
}

/** Aborts when the last of them does, for its reason. */
function whenAllHave(signals: readonly AbortSignal[]): AbortSignal {
  const controller = new AbortController()
  let left = signals.length
  for (const signal of signals) {
    const count = (): void => {
      left -= 1
      if (left === 0) controller.abort(signal.reason)
    }
    if (signal.aborted) count()
    else signal.addEventListener('abort', count, { once: true })
  }
  return controller.signal
}
