import { KongTaskError } from '../core/errors.ts'
import type { NewJob } from '../core/new-job.ts'
import { isPlainObject } from '../core/plain-object.ts'
import { showValue } from '../core/show-value.ts'
import type { MakeNewJob } from './new-job.ts'

/**
 * The jobs of one `addJobs`, all of them checked before any is written. An error names the entry by its index.
 *
 * @throws KT_ENTRY_INVALID, and whatever makes one job invalid
 */
export async function readNewJobs(entries: unknown, makeNewJob: MakeNewJob): Promise<NewJob[]> {
  const jobs: NewJob[] = []
  for (const entry of iterable(entries)) {
    const job = readNewJob(entry, jobs.length, makeNewJob)
    // Awaiting each would cost a turn of the event loop per job where the schema is synchronous.
    jobs.push(job instanceof Promise ? await job : job)
  }
  return jobs
}

/**
 * One entry of an `addJobs`; a promise only where the task's schema validates so.
 *
 * @param index its place in the call, for messages
 */
export function readNewJob(entry: unknown, index: number, makeNewJob: MakeNewJob): NewJob | Promise<NewJob> {
  try {
    const job = readEntry(entry, makeNewJob)
    if (!(job instanceof Promise)) return job
    return job.catch((error: unknown) => {
      throw atIndex(index, error)
    })
  } catch (error) {
    throw atIndex(index, error)
  }
}

function readEntry(entry: unknown, makeNewJob: MakeNewJob): NewJob | Promise<NewJob> {
  if (!isPlainObject(entry)) {
    throw new KongTaskError(
      'KT_ENTRY_INVALID',
      `an entry must be { task, payload, ...options } or what newJob returned, not ${showValue(entry)}.`,
    )
  }
  const { task, payload, ...options } = entry
  return makeNewJob(task, payload, options)
}

function iterable(entries: unknown): Iterable<unknown> {
  if (typeof entries === 'object' && entries !== null && isIterable(entries)) return entries
  throw new KongTaskError(
    'KT_ENTRY_INVALID',
    `addJobs takes an array, iterable or async iterable of jobs, not ${showValue(entries)}.`,
  )
}

function isIterable(value: object): value is Iterable<unknown> {
  return Symbol.iterator in value && typeof value[Symbol.iterator] === 'function'
}

function atIndex(index: number, error: unknown): unknown {
  if (!(error instanceof KongTaskError)) return error
  return new KongTaskError(error.code, `addJobs, entry ${index}: ${error.message}`, {
    cause: error.cause ?? error,
  })
}
