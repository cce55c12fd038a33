import type { NewJob } from '../core/new-job.ts'

/** As many jobs as one statement takes: more gain nothing, and the server keeps each text in memory thrice. */
const MOST_JOBS = 5_000
const MOST_TEXT = 4 * 1024 * 1024

/** Splits jobs for the wire, in their order. A job larger than the limit goes alone. */
export function chunksOf(jobs: readonly NewJob[], mostJobs = MOST_JOBS, mostText = MOST_TEXT): NewJob[][] {
  const chunks: NewJob[][] = []
  let chunk: NewJob[] = []
  let text = 0
  for (const job of jobs) {
    if (chunk.length > 0 && (chunk.length >= mostJobs || text + job.payload.length > mostText)) {
      chunks.push(chunk)
      chunk = []
      text = 0
    }
    chunk.push(job)
    text += job.payload.length
  }
  if (chunk.length > 0) chunks.push(chunk)
  return chunks
}
