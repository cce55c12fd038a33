// Between a handler that had transactions of its own and the settler: asks the database what became of the job before
// anything is settled. A transaction that is still open holds the job's row, and a settlement that waited for it would
// keep a whole batch waiting; so it is asked again until the transaction has ended.
import type { Settlement } from '../core/settlement.ts'
import { Bell } from '../runtime/bell.ts'
import { pause, retry } from '../runtime/retry.ts'
import type { ClaimedJob } from '../store/claim-jobs.ts'
import type { Conclusion } from '../store/complete-job.ts'
import type { Store } from '../store/store.ts'
import type { AttemptRecord } from './attempt-record.ts'

const LARGEST_BATCH = 1_000
/** Milliseconds between looks at a transaction that has not ended: the first, doubled each time up to the longest. */
const FIRST_WAIT = 20
const LONGEST_WAIT = 1_000

export interface ConcluderOptions {
  readonly store: Pick<Store, 'concludeJobs'>
  /** Its handler completed it, in a transaction that committed. */
  readonly onCompleted: (ended: EndedJob) => void
  /** Nothing committed: what the handler came to counts. The fence knows the rest. */
  readonly onOpen: (ended: EndedJob) => void
  readonly onWeather: (error: unknown, attempt: number) => void
}

/** An execution that ended, and what would be settled for it. */
export interface EndedJob {
  readonly job: ClaimedJob
  readonly record: AttemptRecord
  readonly settlement: Settlement
}

interface Entry extends EndedJob {
  /** Milliseconds until the next look, should it be pending. */
  readonly wait: number
}

export class Concluder {
  readonly #options: ConcluderOptions
  readonly #pending = new Map<string, Entry[]>()
  readonly #giveUp = new AbortController()
  #backlog = 0
  #isFlushing = false
  readonly #progressed = new Bell()

  constructor(options: ConcluderOptions) {
    this.#options = options
  }

  /** Jobs of which it is not known yet what became of them. */
  get backlog(): number {
    return this.#backlog
  }

  add(ended: EndedJob): void {
    this.#backlog += 1
    void ended.record.idle().then(() => this.#queue({ ...ended, wait: FIRST_WAIT }))
  }

  /** Resolves when all is known of what was added so far, or after `giveUp`. */
  async concluded(): Promise<void> {
    while (this.#backlog > 0) await this.#progressed.sleep()
  }

  /** We must go: what is not known then is left to the rescue. */
  giveUp(): void {
    this.#giveUp.abort()
  }

  #queue(entry: Entry): void {
    const key = `${entry.job.lease.worker}:${entry.job.queueId}`
    const entries = this.#pending.get(key)
    if (entries === undefined) this.#pending.set(key, [entry])
    else entries.push(entry)
    if (!this.#isFlushing) void this.#flush()
  }

  async #flush(): Promise<void> {
    this.#isFlushing = true
    // Handlers that end in this turn of the event loop share the first batch.
    await new Promise<void>((resolve) => setImmediate(resolve))
    for (let batch = this.#take(); batch !== undefined; batch = this.#take()) await this.#conclude(batch)
    this.#isFlushing = false
  }

  #take(): Entry[] | undefined {
    for (const [key, entries] of this.#pending) {
      const batch = entries.splice(0, LARGEST_BATCH)
      if (entries.length === 0) this.#pending.delete(key)
      if (batch.length > 0) return batch
    }
    return undefined
  }

  /** Never rejects. */
  async #conclude(batch: readonly Entry[]): Promise<void> {
    const jobs = batch.map(({ job }) => job).toSorted(byId)
    const [first] = jobs
    if (first === undefined) return
    let tries = 0
    try {
      const states = await retry(
        () => {
          tries += 1
          return this.#options.store.concludeJobs({
            worker: first.lease.worker,
            queue: first.queueId,
            jobs,
          })
        },
        { isTransient: () => true, onRetry: this.#options.onWeather, signal: this.#giveUp.signal },
      )
      for (const entry of batch) {
        const state = states.get(entry.job.id) ?? 'lost'
        // A try whose answer is lost may have followed up a completion: then nothing is left of the job.
        const wasCompleted = state === 'lost' && tries > 1 && entry.record.completed !== undefined
        this.#concluded(entry, wasCompleted ? 'completed' : state)
      }
    } catch {
      // Given up. The rescue finds the jobs that are open, the sweep those that were completed.
      for (const _ of batch) this.#left()
    }
  }

  #concluded(entry: Entry, state: Conclusion): void {
    if (state === 'pending') {
      void this.#again(entry)
      return
    }
    if (state === 'completed') this.#options.onCompleted(entry)
    else this.#options.onOpen(entry)
    this.#left()
  }

  #left(): void {
    this.#backlog -= 1
    this.#progressed.ring()
  }

  async #again(entry: Entry): Promise<void> {
    await pause(entry.wait, this.#giveUp.signal)
    if (this.#giveUp.signal.aborted) this.#left()
    else this.#queue({ ...entry, wait: Math.min(LONGEST_WAIT, entry.wait * 2) })
  }
}

function byId(a: ClaimedJob, b: ClaimedJob): number {
  return a.id.length - b.id.length || (a.id < b.id ? -1 : 1)
}
