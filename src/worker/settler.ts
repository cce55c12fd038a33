// Settlements → batches → store. One batch is on its way at a time; what comes meanwhile, and in the moment after, makes the
// next, so batches grow with the load and a lone job waits for nobody. Holds back nothing but memory: `backlog` tells the
// claimer.
import { Bell } from '../runtime/bell.ts'
import type { Settlement } from '../core/settlement.ts'
import { retry } from '../runtime/retry.ts'
import type { ClaimedJob } from '../store/claim-jobs.ts'
import type { Settled, SettledJob } from '../store/settle-jobs.ts'
import { isDataFault } from '../store/sqlstate.ts'
import type { Store } from '../store/store.ts'
import type { ClaimBook } from './claim-book.ts'

const LARGEST_BATCH = 1_000
/**
 * Characters of what a batch says of its jobs, unless one alone has more: larger statements take longer than they may, and there is
 * no text of half a gigabyte to send.
 */
const LARGEST_TEXT = 4 * 1024 * 1024
/**
 * Milliseconds from the end of a round of batches to the next, if few jobs wait for it: nobody waits for a settlement, but everybody
 * does for a database that is asked too often (docs/decisions/007).
 */
const REST = 5
const FEW = 50

export interface SettlerOptions {
  readonly store: Pick<Store, 'settleJobs'>
  readonly book: ClaimBook
  readonly onSettled: (job: ClaimedJob, settlement: Settlement) => void
  /** The fence refused it; `answered` is false where an earlier try may have written it without our knowing. */
  readonly onRefused: (job: ClaimedJob, settlement: Settlement, answered: boolean) => void
  /** Nothing more is written about these: they are settled, were refused, or were given up. */
  readonly onFlushed: (batch: readonly { readonly job: ClaimedJob }[]) => void
  readonly onWeather: (error: unknown, attempt: number) => void
  /** What to settle instead where the database refuses this settlement itself. */
  readonly onUnwritable: (job: ClaimedJob, error: unknown) => Settlement
  /** Monotonic milliseconds. */
  readonly now: () => number
}

interface Entry extends Omit<SettledJob, 'settlement'> {
  /** None where the job is settled already, and only its claim is to be closed. */
  readonly settlement: Settlement | undefined
  readonly queueId: number
  readonly job: ClaimedJob
  /** What is written in place of a settlement that the database refused. */
  readonly isSubstitute?: true
}

export class Settler {
  readonly #options: SettlerOptions
  readonly #pending = new Map<string, Entry[]>()
  readonly #giveUp = new AbortController()
  readonly #bell = new Bell()
  #backlog = 0
  #restsUntil = -Infinity
  #isResting = false
  #isHurried = false
  #flushing: Promise<void> | undefined

  constructor(options: SettlerOptions) {
    this.#options = options
  }

  /** Settlements that are not written yet. */
  get backlog(): number {
    return this.#backlog
  }

  add(job: ClaimedJob, settlement: Settlement): void {
    this.#add(job, settlement)
  }

  /** It was settled by its handler: nothing is to be written but, where it was its claim's last, the end of that. */
  close(job: ClaimedJob): void {
    this.#add(job, undefined)
  }

  #add(job: ClaimedJob, settlement: Settlement | undefined): void {
    const { id, queueId, lease, kept, place } = job
    const key = `${lease.worker}:${queueId}`
    const entries = this.#pending.get(key)
    const entry: Entry = { id, queueId, lease, kept, place, settlement, job }
    if (entries === undefined) this.#pending.set(key, [entry])
    else entries.push(entry)
    this.#backlog += 1
    if (this.#isResting && this.#backlog >= FEW) this.#bell.ring()
    this.#flushing ??= this.#flush()
  }

  /** Resolves when everything added so far is written, or after `giveUp`. */
  async flushed(): Promise<void> {
    this.#isHurried = true
    if (this.#isResting) this.#bell.ring()
    while (this.#flushing !== undefined) await this.#flushing
    this.#isHurried = false
  }

  /** The database does not answer and we must go: what is not written is left to the rescue. */
  giveUp(): void {
    this.#giveUp.abort()
  }

  async #flush(): Promise<void> {
    // Handlers that end in this turn of the event loop share the first batch.
    await new Promise<void>((resolve) => setImmediate(resolve))
    while (this.#pending.size > 0) {
      await this.#rest()
      const round = [...this.#pending.keys()]
      for (const key of round) {
        const batch = this.#take(key)
        await this.#write(batch)
        this.#backlog -= batch.length
        this.#options.onFlushed(batch)
      }
      this.#restsUntil = this.#options.now() + REST
    }
    this.#flushing = undefined
  }

  async #rest(): Promise<void> {
    const left = this.#restsUntil - this.#options.now()
    if (left <= 0 || this.#backlog >= FEW || this.#isHurried) return
    this.#isResting = true
    await this.#bell.sleep(left)
    this.#isResting = false
  }

  #take(key: string): Entry[] {
    const entries = this.#pending.get(key) ?? []
    const batch = entries.splice(0, sizeOfBatch(entries))
    if (entries.length === 0) this.#pending.delete(key)
    return batch
  }

  /** Never rejects. A batch that the database cannot take is halved until the settlement at fault stands alone. */
  async #write(batch: readonly Entry[]): Promise<void> {
    let tries = 0
    try {
      const settled = await retry(
        () => {
          tries += 1
          return this.#send(batch)
        },
        {
          isTransient: (error) => !isDataFault(error),
          onRetry: this.#options.onWeather,
          signal: this.#giveUp.signal,
        },
      )
      this.#options.book.settled(batch)
      this.#report(batch, settled, tries === 1)
    } catch (error) {
      if (isDataFault(error)) await this.#writeApart(batch, error)
    }
  }

  #send(batch: readonly Entry[]): Promise<Settled> {
    const [first] = batch
    const jobs = batch.filter(isUnsettled)
    const closed = this.#options.book.wouldClose(batch)
    if (first === undefined || (jobs.length === 0 && closed.length === 0)) return Promise.resolve(NOTHING)
    return this.#options.store.settleJobs({ worker: first.lease.worker, queue: first.queueId, jobs, closed })
  }

  async #writeApart(batch: readonly Entry[], error: unknown): Promise<void> {
    const [only] = batch
    if (only !== undefined && batch.length === 1) {
      if (only.isSubstitute === true) {
        // Even ours was refused: no longer vouched for, the job is given back by a heartbeat.
        this.#options.book.disowned(batch)
        return
      }
      await this.#write([
        { ...only, settlement: this.#options.onUnwritable(only.job, error), isSubstitute: true },
      ])
      return
    }
    const middle = Math.ceil(batch.length / 2)
    await this.#write(batch.slice(0, middle))
    await this.#write(batch.slice(middle))
  }

  #report(batch: readonly Entry[], { refused, ended }: Settled, answered: boolean): void {
    for (const { job, settlement } of batch) {
      if (settlement === undefined) continue
      const reason = ended.get(job.id)
      if (refused.size > 0 && refused.has(job.id)) this.#options.onRefused(job, settlement, answered)
      else this.#options.onSettled(job, reason === undefined ? settlement : { kind: 'cancelled', reason })
    }
  }
}

const NOTHING: Settled = { refused: new Set(), ended: new Map() }

/** How many of these come next: one, and as many more as a batch has room for. */
function sizeOfBatch(entries: readonly Entry[]): number {
  let characters = 0
  const excess = entries.findIndex((entry, index) => {
    characters += charactersOf(entry)
    return index >= LARGEST_BATCH || (index > 0 && characters > LARGEST_TEXT)
  })
  return excess === -1 ? entries.length : excess
}

/** None where there is nothing to say, as nearly always. */
function charactersOf({ settlement }: Entry): number {
  if (settlement === undefined) return 0
  if (settlement.kind === 'completed' && settlement.result === undefined) return 0
  return JSON.stringify(settlement).length
}

function isUnsettled(entry: Entry): entry is Entry & SettledJob {
  return entry.settlement !== undefined
}
