// Keeps how far jobs are, for others to read: of each job the first word at once, then at most one a second, and always
// the last. What all jobs of the process said goes in one statement, one at a time.
import { storableText } from '../core/storable-text.ts'
import { startTimer, type Timer } from '../runtime/timer.ts'
import type { ClaimedJob } from '../store/claim-jobs.ts'
import type { Store } from '../store/store.ts'

/** Milliseconds between two words of one job that are kept. */
const INTERVAL = 1_000
const LARGEST_BATCH = 500
/** Jobs with something unwritten, should the database not answer. */
const MOST_JOBS = 10_000
const LONGEST_NOTE = 500

export interface ProgressWriterOptions {
  readonly store: Pick<Store, 'storeProgress'>
  /** Monotonic milliseconds. */
  readonly now: () => number
  readonly onWeather: (error: unknown) => void
}

interface Word {
  readonly done: number
  readonly total: number
  readonly note: string | undefined
  /** Monotonic milliseconds. */
  readonly saidAt: number
}

interface Entry {
  /** What is not written yet. */
  word: Word | undefined
  /** Before this time nothing is written. Monotonic milliseconds. */
  nextAt: number
  hasEnded: boolean
}

export class ProgressWriter {
  readonly #options: ProgressWriterOptions
  readonly #entries = new Map<ClaimedJob, Entry>()
  #timer: Timer | undefined
  /** When the timer fires. Monotonic milliseconds. */
  #timerAt = Infinity
  #writing: Promise<void> | undefined

  constructor(options: ProgressWriterOptions) {
    this.#options = options
  }

  /** Keeps what a handler says; numbers that are not finite have no place in the database and are passed over. */
  report(job: ClaimedJob, done: number, total: number, note: string | undefined): void {
    if (!Number.isFinite(done) || !Number.isFinite(total) || this.#entries.size >= MOST_JOBS) return
    const saidAt = this.#options.now()
    const entry = this.#entries.get(job) ?? { word: undefined, nextAt: saidAt, hasEnded: false }
    entry.word = {
      done,
      total,
      note: note === undefined ? undefined : storableText(note, LONGEST_NOTE),
      saidAt,
    }
    this.#entries.set(job, entry)
    this.#writeAt(entry.nextAt)
  }

  /** The handler has ended: its last word is due. */
  ended(job: ClaimedJob): void {
    if (this.#entries.size === 0) return
    const entry = this.#entries.get(job)
    if (entry === undefined) return
    if (entry.word === undefined) {
      this.#entries.delete(job)
      return
    }
    entry.hasEnded = true
    entry.nextAt = 0
    this.#writeAt(0)
  }

  /** Writes what is left, if the database lets us. */
  async flushed(): Promise<void> {
    await this.#writing
    this.#disarm()
    for (const entry of this.#entries.values()) entry.nextAt = 0
    await this.#write()
    this.#disarm()
  }

  /** What is said while a batch is on its way waits for that. */
  #writeAt(time: number): void {
    if (this.#writing !== undefined || time >= this.#timerAt) return
    this.#disarm()
    this.#timerAt = time
    this.#timer = startTimer(time - this.#options.now(), () => {
      this.#disarm()
      this.#writing = this.#write().finally(() => {
        this.#writing = undefined
        this.#writeAt(this.#nextAt())
      })
    })
  }

  #disarm(): void {
    this.#timer?.stop()
    this.#timerAt = Infinity
  }

  #nextAt(): number {
    let first = Infinity
    for (const { word, nextAt } of this.#entries.values()) {
      if (word !== undefined) first = Math.min(first, nextAt)
    }
    return first
  }

  /** Never rejects: no job is worth failing for it. */
  async #write(): Promise<void> {
    const { store, now, onWeather } = this.#options
    const sentAt = now()
    const batch = this.#take(sentAt)
    if (batch.length === 0) return
    try {
      await store.storeProgress(
        batch.map(([{ id, queueId, lease }, { saidAt, ...word }]) => {
          return { id, queueId, lease, ...word, age: sentAt - saidAt }
        }),
      )
    } catch (error) {
      onWeather(error)
      for (const [job, word, entry] of batch) {
        // Unless something newer was said meanwhile.
        entry.word ??= word
        this.#entries.set(job, entry)
      }
    }
  }

  #take(now: number): (readonly [ClaimedJob, Word, Entry])[] {
    const batch: (readonly [ClaimedJob, Word, Entry])[] = []
    for (const [job, entry] of this.#entries) {
      const { word, nextAt, hasEnded } = entry
      if (word === undefined || nextAt > now) continue
      batch.push([job, word, entry])
      entry.word = undefined
      entry.nextAt = now + INTERVAL
      if (hasEnded) this.#entries.delete(job)
      if (batch.length === LARGEST_BATCH) break
    }
    return batch
  }
}
