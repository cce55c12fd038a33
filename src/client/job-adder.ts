import type { JobAdder } from '../core/add-job.ts'
import type { AddedJob, NewJob } from '../core/new-job.ts'
import { explainError } from '../store/explain-error.ts'
import { withCallerStack } from './caller-stack.ts'
import { chunksOf } from './chunks.ts'
import type { MakeNewJob } from './new-job.ts'
import { readNewJobs } from './new-jobs.ts'

/** The jobs of one call, split for the wire. */
export type Chunks = readonly (readonly NewJob[])[]

/**
 * `addJob` and `addJobs` over a way to write all chunks of a call or none. Both
 * are free functions, so that they can be passed around.
 */
export function createJobAdder(
  makeNewJob: MakeNewJob,
  write: (chunks: Chunks) => Promise<AddedJob[]>,
): JobAdder {
  const addJob = (task: unknown, payload?: unknown, options?: unknown): Promise<AddedJob> =>
    withCallerStack(async () => {
      const [added] = await explained(write([[await makeNewJob(task, payload, options)]]))
      if (added === undefined) throw new TypeError('The database answered for no job.')
      return added
    })
  const addJobs = (jobs: unknown): Promise<AddedJob[]> =>
    withCallerStack(async () => {
      const chunks = chunksOf(await readNewJobs(jobs, makeNewJob))
      return chunks.length === 0 ? [] : explained(write(chunks))
    })
  return Object.freeze({ addJob, addJobs })
}

async function explained<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw explainError(error)
  }
}
