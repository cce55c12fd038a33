import type { AddedCounts, JobAdder } from '../core/add-job.ts'
import { KongTaskError } from '../core/errors.ts'
import type { AddedJob } from '../core/new-job.ts'
import { explainError } from '../store/explain-error.ts'
import { CallsUnderWay } from './calls-under-way.ts'
import { withCallerStack } from './caller-stack.ts'
import { chunksOf } from './chunks.ts'
import { explained } from './explained.ts'
import type { MakeNewJob } from './new-job.ts'
import { readNewJobs } from './new-jobs.ts'
import { addStream, isStream, readStreamOptions } from './stream.ts'
import type { Writer } from './writer.ts'

export interface JobAdderOptions {
  readonly makeNewJob: MakeNewJob
  readonly writer: Writer
  /** Throws where nothing may be added any more; asked when a call begins. */
  readonly checkOpen?: (() => void) | undefined
  readonly calls?: CallsUnderWay | undefined
}

/** Calls at once from which on it shows what each costs. */
const CROWD = 50

/** `addJob` and `addJobs` over a writer. Both are free functions, so that they can be passed around. */
export function createJobAdder(options: JobAdderOptions): JobAdder {
  const { makeNewJob, writer, checkOpen, calls = new CallsUnderWay() } = options

  // Few frames between the caller and the checks: a stack has ten.
  const addJob = (task: unknown, payload?: unknown, jobOptions?: unknown): Promise<AddedJob> =>
    withCallerStack(async () => {
      calls.begin()
      try {
        checkOpen?.()
        const job = makeNewJob(task, payload, jobOptions)
        return await writer.one(job instanceof Promise ? await job : job)
      } catch (error) {
        throw explainError(error)
      } finally {
        calls.end()
      }
    }, calls.count >= CROWD)

  function addJobs(jobs: Iterable<unknown>): Promise<AddedJob[]>
  function addJobs(jobs: AsyncIterable<unknown>, streamOptions?: unknown): Promise<AddedCounts>
  function addJobs(jobs: unknown, streamOptions?: unknown): Promise<AddedCounts | AddedJob[]> {
    return withCallerStack(async () => {
      calls.begin()
      try {
        checkOpen?.()
        return await (isStream(jobs)
          ? addStream(jobs, readStreamOptions(streamOptions), makeNewJob, writer.inTurn())
          : addList(jobs, streamOptions))
      } finally {
        calls.end()
      }
    })
  }

  const addList = async (jobs: unknown, streamOptions: unknown): Promise<AddedJob[]> => {
    if (streamOptions !== undefined) throw streamOptionsRefused()
    const chunks = chunksOf(await readNewJobs(jobs, makeNewJob))
    return chunks.length === 0 ? [] : explained(writer.all(chunks))
  }
  return Object.freeze({ addJob, addJobs })
}

function streamOptionsRefused(): KongTaskError {
  return new KongTaskError(
    'KT_OPTION_INVALID',
    'addJobs takes options for an async iterable only; for a list, the answer has what became of each job.',
  )
}
