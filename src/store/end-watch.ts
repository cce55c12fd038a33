// Sees that jobs have ended. It asks the database: one statement at a time for all jobs that it is time to ask about,
// often for those that somebody has just begun to wait for, rarely for those that take long.
import { startTimer, type Timer } from '../runtime/timer.ts'
import type { JobEnd } from './read-ends.ts'
import { isTransient } from './sqlstate.ts'

/** Until the second look at a job; each further one comes half as late again, up to the longest. Milliseconds. */
const FIRST = 50
const GROWTH = 1.5
const LONGEST = 2_000
/** Who is due so soon is asked about along with the others. Milliseconds. */
const TOGETHER = 25
/** Jobs in one statement. */
const MOST = 1_000

/** What ends the waiting. */
export interface Patience {
  /** Milliseconds; may be infinite. */
  readonly within: number
  readonly signal?: AbortSignal | undefined
}

interface Watched {
  readonly id: string
  readonly onEnd: (end: JobEnd) => void
  readonly onError: (error: unknown) => void
  due: number
  delay: number
  isFirst: boolean
}

export class EndWatch {
  readonly #readEnds: (ids: readonly string[]) => Promise<ReadonlyMap<string, JobEnd>>
  readonly #watched = new Set<Watched>()
  #timer: Timer | undefined
  #isAsking = false

  constructor(readEnds: (ids: readonly string[]) => Promise<ReadonlyMap<string, JobEnd>>) {
    this.#readEnds = readEnds
  }

  /**
   * Resolves with the job's end, or with undefined where it has not ended in time. Rejects with the signal's reason, or
   * with what the database refuses; weather is ridden out once a first look has worked.
   */
  async ended(id: string, { within, signal }: Patience): Promise<JobEnd | undefined> {
    signal?.throwIfAborted()
    let forget = (): void => undefined
    try {
      return await new Promise<JobEnd | undefined>((resolve, reject) => {
        const watched: Watched = {
          id,
          onEnd: resolve,
          onError: reject,
          due: performance.now(),
          delay: FIRST,
          isFirst: true,
        }
        const onAbort = (): void => reject(signal?.reason)
        const timer = startTimer(within, () => resolve(undefined))
        signal?.addEventListener('abort', onAbort)
        forget = () => {
          timer.stop()
          signal?.removeEventListener('abort', onAbort)
          this.#watched.delete(watched)
        }
        this.#watched.add(watched)
        this.#plan()
      })
    } finally {
      forget()
      this.#plan()
    }
  }

  #plan(): void {
    this.#timer?.stop()
    this.#timer = undefined
    if (this.#isAsking || this.#watched.size === 0) return
    let due = Infinity
    for (const watched of this.#watched) due = Math.min(due, watched.due)
    this.#timer = startTimer(due - performance.now(), () => void this.#ask())
  }

  /** Never rejects. */
  async #ask(): Promise<void> {
    this.#isAsking = true
    const soon = performance.now() + TOGETHER
    const asked = [...this.#watched].filter(({ due }) => due <= soon).slice(0, MOST)
    try {
      const ends = await this.#readEnds([...new Set(asked.map(({ id }) => id))])
      for (const { id, onEnd } of asked) {
        const end = ends.get(id)
        if (end !== undefined) onEnd(end)
      }
    } catch (error) {
      for (const { isFirst, onError } of asked) if (isFirst || !isTransient(error)) onError(error)
    }
    const now = performance.now()
    for (const watched of asked) {
      watched.isFirst = false
      watched.due = now + watched.delay
      watched.delay = Math.min(watched.delay * GROWTH, LONGEST)
    }
    this.#isAsking = false
    this.#plan()
  }
}
