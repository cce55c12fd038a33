import { createReadStream } from 'node:fs'
import { KongTaskError } from '../core/errors.ts'
import { readJobLine, type JobLine } from '../core/job-line.ts'
import { showText } from '../core/show-value.ts'
import type { ForeignJob } from './foreign-job.ts'
import { mappedJob, type MappingRules } from './mapped-job.ts'

/** What stands in a line of a file. */
export interface FileJob {
  readonly job: ForeignJob
  /** Which database it was exported from. */
  readonly from: string | undefined
}

export interface FileRules extends MappingRules {
  /** Dead letters are to run again. */
  readonly redrive: boolean
}

/** Flaws that are told at once. */
const MOST_FLAWS = 100

/**
 * Looks through a file. Returns how many jobs stand in it.
 *
 * @throws KT_IMPORT_FILE_INVALID with the line and the reason of each flaw, KT_FILE_UNUSABLE
 */
export async function checkJobFile(file: string, rules: FileRules, signal?: AbortSignal): Promise<number> {
  const flaws: string[] = []
  let found = 0
  for await (const { text, number } of linesOf(file)) {
    signal?.throwIfAborted()
    try {
      const { job } = jobOf(text, number, rules)
      if (job.obstacle === undefined) mappedJob(job, rules)
      found++
    } catch (error) {
      if (!(error instanceof KongTaskError)) throw error
      flaws.push(`  line ${number}: ${error.code}: ${error.message}`)
      if (flaws.length >= MOST_FLAWS) break
    }
  }
  if (flaws.length === 0) return found
  const most = flaws.length >= MOST_FLAWS ? ' There may be more.' : ''
  throw new KongTaskError(
    'KT_IMPORT_FILE_INVALID',
    `${showText(file)} cannot be imported, and nothing was written.${most}\n${flaws.join('\n')}`,
  )
}

/** @throws like `checkJobFile`, of the first flaw */
export async function* jobsOf(file: string, rules: FileRules): AsyncGenerator<FileJob, void> {
  for await (const { text, number } of linesOf(file)) {
    try {
      yield jobOf(text, number, rules)
    } catch (error) {
      if (!(error instanceof KongTaskError)) throw error
      throw new KongTaskError(
        'KT_IMPORT_FILE_INVALID',
        `${showText(file)}, line ${number}, has changed while it was imported: ${error.message} What stands before it was imported; once it is mended, importing again imports the rest.`,
      )
    }
  }
}

interface Line {
  readonly text: string
  /** From 1. */
  readonly number: number
}

/** Lines that are not empty. */
async function* linesOf(file: string): AsyncGenerator<Line, void> {
  const stream = createReadStream(file, 'utf8')
  let number = 0
  try {
    for await (const text of splitLines(stream)) {
      number++
      if (text.trim() !== '') yield { text, number }
    }
  } catch (cause) {
    if (!isSystemError(cause)) throw cause
    throw new KongTaskError('KT_FILE_UNUSABLE', `${showText(file)} cannot be read: ${cause.message}.`, {
      cause,
    })
  } finally {
    stream.destroy()
  }
}

async function* splitLines(chunks: AsyncIterable<unknown>): AsyncGenerator<string, void> {
  let rest = ''
  for await (const chunk of chunks) {
    const pieces = (rest + String(chunk)).split('\n')
    rest = pieces.pop() ?? ''
    yield* pieces
  }
  yield rest
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error
}

function jobOf(text: string, number: number, { redrive }: FileRules): FileJob {
  const line = readJobLine(text)
  const { from, id, task, payload, options, createdAt, encryptionKey, state } = line
  const isRedriven = state === 'dead' && redrive
  const { queue } = options
  return {
    from,
    job: {
      id: id ?? `line ${number}`,
      place: [],
      key: keyOf(line),
      task,
      alias: undefined,
      queue: queue ?? 'default',
      ownQueue: queue,
      payload,
      options: { ...options },
      attempt: isRedriven ? 0 : line.attempt,
      createdAt,
      error: isRedriven ? undefined : line.error,
      encryptionKey,
      notes: [],
      obstacle: obstacleOf(state, redrive),
    },
  }
}

/** Ids begin anew where tables are made anew. */
function keyOf({ id, createdAt }: JobLine): string | undefined {
  return id === undefined || createdAt === undefined ? id : `${id}@${createdAt}`
}

function obstacleOf(state: JobLine['state'], redrive: boolean): string | undefined {
  if (state === 'scheduled' || state === 'ready') return undefined
  if (state === 'running') return 'it ran when it was exported, and may be over by now'
  if (state === 'dead')
    return redrive ? undefined : 'it is a dead letter: --redrive runs it again, with all its attempts'
  return `it is over (${state})`
}
