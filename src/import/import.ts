// Front door: brings jobs and schedules from other systems (one file each), and jobs from files. Every job comes as a whole
// or not at all, and once, whoever is killed when (passage.ts); what cannot come, or not all of it, is told.
import type { Pool } from 'pg'
import { explained } from '../client/explained.ts'
import { checkSchemaName } from '../core/names.ts'
import { readEncryption, type EncryptionOptions } from '../encryption/payload-keys.ts'
import type { Queryable } from '../store/db.ts'
import { openPool } from '../store/drivers/node-postgres.ts'
import { readIdentity } from '../store/import-jobs.ts'
import { openTransaction } from '../store/open-transaction.ts'
import { pgDatabase } from '../store/pg-database.ts'
import { createStore } from '../store/store.ts'
import { bullmq } from './bullmq.ts'
import { graphileWorker } from './graphile-worker.ts'
import { ImportTally, type ImportReport, type JobNote } from './import-report.ts'
import { checkJobFile, jobsOf, type FileJob } from './job-file.ts'
import { moveJobs, BATCH, type Move } from './move-jobs.ts'
import { moveSchedules } from './move-schedules.ts'
import { pgBoss } from './pg-boss.ts'
import { Renames } from './renames.ts'
import type { Source } from './source.ts'

export type { ImportReport, JobNote }

/** The systems that there are, by name. */
export const SOURCES = {
  'graphile-worker': graphileWorker,
  'pg-boss': pgBoss,
  bullmq,
} satisfies Readonly<Record<string, (schema?: string) => Source>>

export type SourceName = keyof typeof SOURCES

interface Common {
  /** Our database. */
  readonly connectionString: string
  /** Of our tables. @default kongtask */
  readonly schema?: string | undefined
  readonly encryption: EncryptionOptions | undefined
  /** `old=new` each. */
  readonly tasks: readonly string[]
  readonly queues: readonly string[]
  /** Everything is done and taken back. */
  readonly dryRun: boolean
  /** Ends it between two batches. */
  readonly signal?: AbortSignal | undefined
  /** Told of each job that is left, or of which something has no counterpart here. */
  readonly onNote?: ((note: JobNote) => void) | undefined
  readonly onProgress?: ((done: number, total: number) => void) | undefined
}

export interface ImportOptions extends Common {
  readonly source: SourceName
  /** Its schema. @default the one that it takes by itself */
  readonly sourceSchema: string | undefined
  /** Its database. @default ours */
  readonly from: string | undefined
}

export interface FileImportOptions extends Common {
  readonly file: string
  /** Dead letters in it are to run again. */
  readonly redrive: boolean
}

/** Milliseconds for what is asked once. */
const DEADLINE = 30_000

/**
 * Moves schedules, then jobs that wait, from another system's tables.
 *
 * @throws KT_IMPORT_SOURCE_NOT_FOUND, KT_IMPORT_SOURCE_VERSION, KT_NOT_MIGRATED, KT_USAGE_INVALID, and what a database says
 */
export async function importFrom(options: ImportOptions): Promise<ImportReport> {
  const source = SOURCES[options.source](options.sourceSchema)
  const rules = rulesOf(options)
  await using here = openedPool(options.connectionString)
  await using other = options.from === undefined ? undefined : openedPool(options.from)
  const there = other?.pool ?? here.pool
  const way = { here: here.pool, there, dryRun: options.dryRun }
  return await explained(moveFrom({ ...options, schema: schemaOf(options), source, rules, way }))
}

interface Moving extends Pick<Common, 'signal' | 'onNote' | 'onProgress'> {
  readonly schema: string
  readonly source: Source
  readonly rules: Move['rules']
  readonly way: Pick<Move, 'here' | 'there' | 'dryRun'>
}

/** The same, for tests too, on pools that are given. */
export async function moveFrom({
  source,
  rules,
  way,
  schema,
  signal,
  onNote,
  onProgress,
}: Moving): Promise<ImportReport> {
  const { here, there, dryRun } = way
  const store = createStore(pgDatabase(here, DEADLINE), schema)
  await store.checkSchema()
  const { counts, hints, identity } = await looking(there, async (on) => {
    await source.check(on)
    return {
      counts: await source.countJobs(on),
      hints: await source.hints(on),
      identity: await readIdentity(on),
    }
  })
  const tally = new ImportTally(onNote)
  const { at: now } = await store.readClock()
  await moveSchedules({ ...way, source, schema, rules, now, tally })
  await moveJobs({
    ...way,
    source,
    schema,
    rules,
    since: now,
    tally,
    signal,
    origin: `${source.name}:${identity}/${source.schema}`,
    onBatch: () => onProgress?.(tally.done, counts.waiting),
  })
  const after = await looking(there, (on) => source.countJobs(on))
  const { running, over, waiting } = dryRun ? counts : after
  const missed = dryRun ? 0 : waiting - tally.report(NOTHING).left
  return tally.report({
    source: source.name,
    dryRun,
    running,
    over,
    hints: [...hints, ...missedHint(missed), ...runningHint(running, source.name), ...unusedHints(rules)],
  })
}

const NOTHING = { source: '', dryRun: false, running: 0, over: 0, hints: [] }

/**
 * Adds the jobs of a file that `kongtask export` wrote, each once. Every line is checked before anything is written.
 *
 * @throws KT_IMPORT_FILE_INVALID, KT_FILE_UNUSABLE, KT_NOT_MIGRATED, KT_USAGE_INVALID, and what the database says
 */
export async function importFile(options: FileImportOptions): Promise<ImportReport> {
  const { file, redrive, dryRun, signal, onNote, onProgress } = options
  const schema = schemaOf(options)
  const rules = { ...rulesOf(options), redrive }
  const total = await checkJobFile(file, rules, signal)
  await using here = openedPool(options.connectionString)
  const { pool } = here
  const tally = new ImportTally(onNote)
  const store = createStore(pgDatabase(pool, DEADLINE), schema)
  await explained(store.checkSchema())
  const { at: since } = await explained(store.readClock())
  for await (const { from, jobs } of batchesOf(jobsOf(file, rules))) {
    signal?.throwIfAborted()
    let isTaken = false
    const source: Move['source'] = {
      takeJobs: () => {
        const taken = isTaken ? [] : jobs
        isTaken = true
        return Promise.resolve({ jobs: taken, next: undefined })
      },
      removeJobs: () => Promise.resolve(),
    }
    await explained(
      moveJobs({
        here: pool,
        there: pool,
        dryRun,
        source,
        schema,
        rules,
        since,
        tally,
        signal,
        origin: from ?? 'file',
        onBatch: () => onProgress?.(tally.done, total),
      }),
    )
  }
  return tally.report({ source: file, dryRun, running: 0, over: 0, hints: unusedHints(rules) })
}

interface FileBatch {
  readonly from: string | undefined
  readonly jobs: readonly FileJob['job'][]
}

/** Of one origin each. */
async function* batchesOf(jobs: AsyncIterable<FileJob>): AsyncGenerator<FileBatch, void> {
  let batch: FileJob['job'][] = []
  let text = 0
  let origin: string | undefined
  for await (const { job, from } of jobs) {
    const isFull = batch.length >= BATCH.jobs || text >= BATCH.text
    if (isFull || (batch.length > 0 && from !== origin)) {
      yield { from: origin, jobs: batch }
      batch = []
      text = 0
    }
    origin = from
    text += job.payload.length
    batch.push(job)
  }
  if (batch.length > 0) yield { from: origin, jobs: batch }
}

function schemaOf({ schema = 'kongtask' }: Pick<Common, 'schema'>): string {
  return checkSchemaName(schema)
}

function rulesOf({
  tasks,
  queues,
  encryption,
}: Pick<Common, 'tasks' | 'queues' | 'encryption'>): Move['rules'] {
  return {
    tasks: Renames.read(tasks, '--task'),
    queues: Renames.read(queues, '--queue'),
    cipher: readEncryption(encryption, 'import'),
  }
}

/** In a transaction that is always taken back. */
async function looking<T>(pool: Pool, look: (on: Queryable) => Promise<T>): Promise<T> {
  const transaction = await openTransaction(pool, DEADLINE)
  try {
    return await look(transaction)
  } finally {
    await transaction.rollback()
  }
}

interface OpenedPool extends AsyncDisposable {
  readonly pool: Pool
}

function openedPool(connectionString: string): OpenedPool {
  const pool = openPool(connectionString)
  return { pool, [Symbol.asyncDispose]: () => pool.end() }
}

function missedHint(count: number): readonly string[] {
  if (count <= 0) return []
  return [
    `${count} more ${count === 1 ? 'waits' : 'wait'} there: they came meanwhile, or somebody has just taken them. Import again.`,
  ]
}

function runningHint(running: number, name: string): readonly string[] {
  if (running === 0) return []
  return [
    `${running} ${running === 1 ? 'is' : 'are'} being run by workers of ${name}, not touched. When those have stopped, import again: what they have not finished comes then.`,
  ]
}

function unusedHints({ tasks, queues }: Move['rules']): readonly string[] {
  const of = (flag: string, names: readonly string[]): readonly string[] =>
    names.map((name) => `${flag} ${name}=…: nothing is called so there.`)
  return [...of('--task', tasks.unused), ...of('--queue', queues.unused)]
}
