import type { AddedCounts, StreamOptions } from '../core/add-job.ts'
import { KongTaskError } from '../core/errors.ts'
import { readOptions } from '../core/plain-object.ts'
import { showValue } from '../core/show-value.ts'
import { Chunk } from './chunks.ts'
import { explained } from './explained.ts'
import type { MakeNewJob } from './new-job.ts'
import { readNewJob } from './new-jobs.ts'
import type { ChunkWriter } from './writer.ts'

const KNOWN: ReadonlySet<string> = new Set(['onAdded'])

export function isStream(jobs: unknown): jobs is AsyncIterable<unknown> {
  return (
    typeof jobs === 'object' &&
    jobs !== null &&
    !(Symbol.iterator in jobs) &&
    Symbol.asyncIterator in jobs &&
    typeof jobs[Symbol.asyncIterator] === 'function'
  )
}

/** @throws KT_OPTION_UNKNOWN, KT_OPTION_INVALID */
export function readStreamOptions(options: unknown): StreamOptions {
  const { onAdded } = readOptions(options, KNOWN, 'addJobs')
  if (onAdded === undefined) return {}
  if (isOnAdded(onAdded)) return { onAdded }
  throw new KongTaskError('KT_OPTION_INVALID', `\`onAdded\` must be a function, not ${showValue(onAdded)}.`)
}

function isOnAdded(value: unknown): value is NonNullable<StreamOptions['onAdded']> {
  return typeof value === 'function'
}

/** Writes a stream chunk by chunk, all of it or nothing; the source is not asked for more while one is written. */
export async function addStream(
  source: AsyncIterable<unknown>,
  { onAdded }: StreamOptions,
  makeNewJob: MakeNewJob,
  writer: ChunkWriter,
): Promise<AddedCounts> {
  const counts = { added: 0, skipped: 0, replaced: 0 }
  let chunk = new Chunk()
  let first = 0
  const flush = async (): Promise<void> => {
    const { jobs } = chunk
    if (jobs.length === 0) return
    chunk = new Chunk()
    const added = await explained(writer.write(jobs))
    for (const { status } of added) counts[status]++
    await onAdded?.(added, first)
    first += jobs.length
  }
  try {
    for await (const entry of source) {
      try {
        const read = readNewJob(entry, first + chunk.jobs.length, makeNewJob)
        const job = read instanceof Promise ? await read : read
        if (!chunk.hasRoomFor(job)) await flush()
        chunk.push(job)
        if (chunk.isFull) await flush()
      } catch (error) {
        // At once: before the source is told to end, which may take its time.
        await writer.rollback()
        throw error
      }
    }
    await flush()
    await explained(writer.commit())
  } catch (error) {
    await writer.rollback()
    throw error
  }
  return counts
}
