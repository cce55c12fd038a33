import { KongTaskError } from '../core/errors.ts'
import type { Queryable } from '../store/db.ts'
import { importJobs, type ImportedAs, type ImportedJob } from '../store/import-jobs.ts'
import type { ForeignJob } from './foreign-job.ts'
import type { ImportTally, JobNote } from './import-report.ts'
import { mappedJob, taskOf, type MappingRules } from './mapped-job.ts'
import { passage, type Way } from './passage.ts'
import type { JobPage, Source } from './source.ts'

/** What is moved how. */
export interface Move extends Way {
  readonly source: Pick<Source, 'takeJobs' | 'removeJobs'>
  /** The schema of ours. */
  readonly schema: string
  /** What keys of jobs belong to: which system, database and schema. */
  readonly origin: string
  readonly rules: MappingRules
  /** By our database's clock: what is due then counts as due. */
  readonly since: Date
  readonly signal: AbortSignal | undefined
  readonly tally: ImportTally
  readonly onBatch: () => void
}

/** What a transaction is about at most: it moves as a whole or not at all, holds nobody up for long, and fits into memory. */
export const BATCH = { jobs: 500, text: 4 * 1024 * 1024 } as const

/** Moves all jobs that wait. Batch by batch: what was moved before it is interrupted has moved. */
export async function moveJobs(move: Move): Promise<void> {
  let after: unknown
  for (;;) {
    move.signal?.throwIfAborted()
    const { verdicts, next } = await moveBatch(move, {
      since: move.since,
      after,
      limit: BATCH.jobs,
      mostText: BATCH.text,
    })
    for (const { note, as } of verdicts) move.tally.add(note, as)
    move.onBatch()
    if (verdicts.length === 0) return
    after = next
  }
}

interface Batch {
  readonly verdicts: readonly { readonly note: JobNote; readonly as: string }[]
  readonly next: unknown
}

function moveBatch(move: Move, page: JobPage): Promise<Batch> {
  const { source, rules } = move
  return passage(move, async (here, there) => {
    const { jobs, next } = await source.takeJobs(there, page)
    const candidates = jobs.map((job) => candidateOf(job, move))
    const arrived = await arrivalsOf(here, move, candidates)
    const gone = candidates.flatMap(({ job }) => (isHere(arrived.get(job)) ? [job] : []))
    const verdicts = candidates.map((candidate) => ({
      note: noteOf(candidate, arrived.get(candidate.job)),
      as: taskOf(candidate.job, rules),
    }))
    const remove = (on: Queryable): Promise<void> =>
      gone.length === 0 ? Promise.resolve() : source.removeJobs(on, gone)
    return { result: { verdicts, next }, remove }
  })
}

interface Candidate {
  readonly job: ForeignJob
  /** As it is written here, or why it is not. */
  readonly mapped: ImportedJob | string
}

function candidateOf(job: ForeignJob, { rules }: Move): Candidate {
  if (job.obstacle !== undefined) return { job, mapped: job.obstacle }
  try {
    return { job, mapped: mappedJob(job, rules) }
  } catch (error) {
    if (error instanceof KongTaskError) return { job, mapped: `${error.code}: ${error.message}` }
    throw error
  }
}

async function arrivalsOf(
  here: Queryable,
  { schema, origin }: Move,
  candidates: readonly Candidate[],
): Promise<ReadonlyMap<ForeignJob, ImportedAs>> {
  const movable = candidates.flatMap(({ job, mapped }) =>
    typeof mapped === 'string' ? [] : [{ job, imported: mapped }],
  )
  if (movable.length === 0) return new Map()
  const answers = await importJobs(
    here,
    schema,
    origin,
    movable.map(({ imported }) => imported),
  )
  return new Map(
    movable.flatMap(({ job }, index) => {
      const answer = answers[index]
      return answer === undefined ? [] : [[job, answer] as const]
    }),
  )
}

function isHere(arrived: ImportedAs | undefined): boolean {
  return arrived !== undefined && arrived.status !== 'skipped'
}

function noteOf({ job, mapped }: Candidate, arrived: ImportedAs | undefined): JobNote {
  const { id, task, notes } = job
  if (arrived?.status === 'added') return { id, task, outcome: 'moved', notes }
  if (arrived?.status === 'imported') return { id, task, outcome: 'before', notes: [] }
  const why =
    typeof mapped === 'string'
      ? mapped
      : 'a job here has its unique key; import again when that one is over, or cancel one of the two'
  return { id, task, outcome: 'left', notes: [why] }
}
