import type { NewJob } from '../core/new-job.ts'

/** As many jobs as one statement takes: more gain nothing, and the server keeps each text in memory thrice. */
const MOST_JOBS = 5_000
/** Characters of JSON. */
const MOST_TEXT = 4 * 1024 * 1024

/** Jobs that go to the database together: as many as fit. One that is larger than the limit goes alone. */
export class Chunk {
  readonly jobs: NewJob[] = []
  readonly #mostJobs: number
  readonly #mostText: number
  #text = 0

  constructor(mostJobs = MOST_JOBS, mostText = MOST_TEXT) {
    this.#mostJobs = mostJobs
    this.#mostText = mostText
  }

  hasRoomFor(job: NewJob): boolean {
    const { length } = this.jobs
    return length === 0 || (length < this.#mostJobs && this.#text + job.payload.length <= this.#mostText)
  }

  get isFull(): boolean {
    return this.jobs.length >= this.#mostJobs || this.#text >= this.#mostText
  }

  push(job: NewJob): void {
    this.jobs.push(job)
    this.#text += job.payload.length
  }
}

/** Splits jobs for the wire, in their order. */
export function chunksOf(jobs: readonly NewJob[], mostJobs = MOST_JOBS, mostText = MOST_TEXT): NewJob[][] {
  const chunks: NewJob[][] = []
  let chunk = new Chunk(mostJobs, mostText)
  for (const job of jobs) {
    if (!chunk.hasRoomFor(job)) {
      chunks.push(chunk.jobs)
      chunk = new Chunk(mostJobs, mostText)
    }
    chunk.push(job)
  }
  if (chunk.jobs.length > 0) chunks.push(chunk.jobs)
  return chunks
}
