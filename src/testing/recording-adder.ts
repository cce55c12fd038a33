// `addJob` and `addJobs` with all their checks, and nothing behind them.
import type { JobAdder } from '../core/add-job.ts'
import type { AddedJob, NewJob, NewJobOptions } from '../core/new-job.ts'
import { createJobAdder } from '../client/job-adder.ts'
import { newJobMaker } from '../client/new-job.ts'
import { transactionWriter } from '../client/writer.ts'
import type { Candidate } from './job-pattern.ts'

const MAX_PAYLOAD = 1024 * 1024

/** A job that was to be added. */
export interface RecordedJob extends Candidate {
  /** As they were checked: durations in milliseconds, times as ISO 8601 in UTC, the task's own among them. */
  readonly options: NewJobOptions
  /** On a transaction of the caller's. */
  readonly inTransaction: boolean
}

export interface RecordingOptions {
  /** Names that are accepted. @default any */
  readonly known?: ReadonlySet<string> | undefined
  readonly added: RecordedJob[]
  /** Around each writing. @default nothing */
  readonly around?: ((jobs: readonly RecordedJob[], write: () => Promise<void>) => Promise<void>) | undefined
  readonly inTransaction?: boolean | undefined
}

/** What is added stands in `added`, in that order. */
export function recordingAdder({ known, added, around, inTransaction = false }: RecordingOptions): JobAdder {
  const insertJobs = async (jobs: readonly NewJob[]): Promise<AddedJob[]> => {
    const recorded = jobs.map((job, at) => record(job, String(added.length + at + 1), inTransaction))
    const write = (): Promise<void> => Promise.resolve(void added.push(...recorded))
    await (around === undefined ? write() : around(recorded, write))
    return recorded.map(({ id }) => ({ id, status: 'added' as const }))
  }
  const nowhere = { query: () => Promise.reject(new TypeError('nothing is written')) }
  return createJobAdder({
    makeNewJob: newJobMaker({ maxPayload: MAX_PAYLOAD, known }),
    writer: transactionWriter({ insertJobs }, nowhere),
  })
}

function record({ task, payload, options }: NewJob, id: string, inTransaction: boolean): RecordedJob {
  const createdAt = new Date()
  const at = options.scheduledAt === undefined ? createdAt.getTime() : Date.parse(options.scheduledAt)
  const scheduledAt = new Date(Math.max(createdAt.getTime(), at + (options.scheduledIn ?? 0)))
  const parsed: unknown = JSON.parse(payload)
  return {
    id,
    task,
    payload: parsed,
    queue: options.queue,
    scheduledAt,
    createdAt,
    state: scheduledAt > createdAt ? 'scheduled' : 'ready',
    priority: options.priority,
    tags: options.tags ?? [],
    uniqueKey: options.uniqueKey,
    serialKey: options.serialKey,
    options,
    inTransaction,
  }
}
