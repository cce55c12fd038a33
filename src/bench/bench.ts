// Front door: says in a few seconds what KongTask does on this database and machine, and what the database itself could do.
// It works in a schema of its own, which is gone behind it.
import { randomBytes } from 'node:crypto'
import { Pool } from 'pg'
import { KongTask } from '../client/client.ts'
import { checkInteger } from '../core/option-values.ts'
import { run, type Runner } from '../runner/runner.ts'
import { deferred } from '../runtime/deferred.ts'
import { examineServer } from '../store/examine.ts'
import { explainError } from '../store/explain-error.ts'
import { pgDatabase } from '../store/pg-database.ts'
import {
  createRawTable,
  deleteRawRows,
  dropBenchSchema,
  insertRawRows,
  type RawGround,
} from '../store/raw-rows.ts'
import { percentile } from '../torture/percentile.ts'
import { timeLanes } from './lanes.ts'

export interface BenchOptions {
  readonly connectionString: string
  /** No-op jobs to add and to work, 100 to 10,000,000. @default 20,000 */
  readonly jobs?: number | undefined
  /** `addJob` calls under way, then jobs at a time: 1 to 1,000. @default 10 */
  readonly concurrency?: number | undefined
  /** Milliseconds for a statement of ours, and for a connection. @default 10,000 */
  readonly deadline?: number | undefined
  /** Gives up; the schema is dropped all the same. */
  readonly signal: AbortSignal
  readonly onProgress: (progress: BenchProgress) => void
  /** The schema could not be dropped in the end, and may still be there. */
  readonly onLeftBehind: (schema: string, why: string) => void
}

export interface BenchProgress {
  readonly phase: 'inserting' | 'deleting' | 'adding' | 'working' | 'waiting'
  readonly done: number
  readonly total: number
}

export interface BenchResult {
  readonly jobs: number
  readonly concurrency: number
  /** Of KongTask and of the raw rows alike. */
  readonly connections: number
  /** The server's version. */
  readonly postgres: string
  /** By single calls of `addJob`. */
  readonly addsPerSecond: number
  readonly jobsPerSecond: number
  /** Milliseconds from the call of `addJob` to the start of its handler, of a worker that has nothing else to do. */
  readonly idleLatency: { readonly p50: number; readonly p99: number }
  /** Rows of a bare table, a hundred with each statement: the limit. */
  readonly raw: { readonly insertsPerSecond: number; readonly deletesPerSecond: number }
}

const CONNECTIONS = 10
const DEFAULT_JOBS = 20_000
const DEFAULT_CONCURRENCY = 10
const DEFAULT_DEADLINE = 10_000
/** Jobs that find an idle worker, one after the other. */
const ROUNDS = 200
const NOOP = 'bench_noop'
const PING = 'bench_ping'
const silent = { debug: nothing, info: nothing, warn: nothing, error: nothing }

/** @throws KT_OPTION_INVALID before anything is made; KT_DATABASE_UNAVAILABLE, KT_DEADLINE, KT_PERMISSION_DENIED; the signal's reason */
export async function bench(options: BenchOptions): Promise<BenchResult> {
  const jobs = checkInteger(options.jobs ?? DEFAULT_JOBS, 'jobs', 100, 10_000_000)
  const concurrency = checkInteger(options.concurrency ?? DEFAULT_CONCURRENCY, 'concurrency', 1, 1_000)
  const { connectionString, deadline = DEFAULT_DEADLINE, signal, onProgress, onLeftBehind } = options
  const schema = `kongtask_bench_${randomBytes(6).toString('hex')}`
  const pool = new Pool({
    connectionString,
    max: CONNECTIONS,
    application_name: 'kongtask bench',
    connectionTimeoutMillis: deadline,
  })
  // A connection that breaks while nobody has it fails the next statement.
  pool.on('error', nothing)
  const kong = new KongTask({ pool, schema })
  const ground: Ground = { pool, kong, schema, deadline, jobs, concurrency, signal, onProgress }
  try {
    // Before anything is made: where nobody answers there is nothing to drop.
    const { release } = await examineServer(pgDatabase(pool, deadline), schema)
    const facts = { jobs, concurrency, connections: CONNECTIONS, postgres: release }
    try {
      return { ...facts, ...(await measure(ground)) }
    } finally {
      await dropBenchSchema(ground).catch((error: unknown) => onLeftBehind(schema, messageOf(error)))
    }
  } catch (error) {
    // Whatever the statements under way say to it, who gave up hears that.
    signal.throwIfAborted()
    throw explainError(error)
  } finally {
    await kong.close()
    await pool.end()
  }
}

interface Ground extends RawGround {
  readonly kong: KongTask
  readonly jobs: number
  readonly concurrency: number
  readonly signal: AbortSignal
  readonly onProgress: BenchOptions['onProgress']
}

type Measured = Pick<BenchResult, 'addsPerSecond' | 'jobsPerSecond' | 'idleLatency' | 'raw'>

async function measure(ground: Ground): Promise<Measured> {
  await ground.kong.migrate({ signal: ground.signal })
  const raw = await measureRaw(ground)
  const addsPerSecond = await measureAdding(ground)
  return { addsPerSecond, ...(await measureWorking(ground)), raw }
}

async function measureRaw(ground: Ground): Promise<BenchResult['raw']> {
  const { jobs, signal, onProgress } = ground
  await createRawTable(ground)
  let inserted = 0
  let deleted = 0
  const insert = async (): Promise<boolean> => {
    if (inserted >= jobs) return false
    inserted += await insertRawRows(ground)
    onProgress({ phase: 'inserting', done: Math.min(inserted, jobs), total: jobs })
    return true
  }
  const remove = async (): Promise<boolean> => {
    const gone = await deleteRawRows(ground)
    deleted += gone
    onProgress({ phase: 'deleting', done: Math.min(deleted, jobs), total: jobs })
    return gone > 0
  }
  const insertsPerSecond = perSecond(() => inserted, await timeLanes(CONNECTIONS, insert, signal))
  const deletesPerSecond = perSecond(() => deleted, await timeLanes(CONNECTIONS, remove, signal))
  return { insertsPerSecond, deletesPerSecond }
}

async function measureAdding({ kong, jobs, concurrency, signal, onProgress }: Ground): Promise<number> {
  let begun = 0
  let added = 0
  const add = async (): Promise<boolean> => {
    if (begun >= jobs) return false
    begun++
    await kong.addJob(NOOP)
    added++
    if (added % 100 === 0) onProgress({ phase: 'adding', done: added, total: jobs })
    return true
  }
  return perSecond(() => added, await timeLanes(concurrency, add, signal))
}

async function measureWorking(ground: Ground): Promise<Pick<BenchResult, 'jobsPerSecond' | 'idleLatency'>> {
  const { pool, schema, jobs, concurrency, signal, onProgress } = ground
  let started = nothing
  const tasks = { [NOOP]: nothing, [PING]: () => started() }
  const options = { pool, schema, tasks, concurrency, logger: silent, migrate: false }
  const began = performance.now()
  await using runner = await run(options)
  let settled = 0
  const drained = deferred()
  const forgetAll = runner.on('job.settled', () => {
    settled++
    if (settled % 100 === 0) onProgress({ phase: 'working', done: settled, total: jobs })
    if (settled === jobs) drained.resolve()
  })
  await unlessEnded(drained.promise, runner, signal)
  const jobsPerSecond = perSecond(() => settled, performance.now() - began)
  forgetAll()
  const latencies: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    onProgress({ phase: 'waiting', done: round, total: ROUNDS })
    const ready = deferred<number>()
    started = () => ready.resolve(performance.now())
    const over = deferred()
    const forget = runner.on('job.settled', () => over.resolve())
    const addedAt = performance.now()
    await ground.kong.addJob(PING)
    await unlessEnded(over.promise, runner, signal)
    latencies.push((await ready.promise) - addedAt)
    forget()
  }
  const sorted = latencies.toSorted((a, b) => a - b)
  const at = (share: number): number => Math.round((percentile(sorted, share) ?? 0) * 100) / 100
  return { jobsPerSecond, idleLatency: { p50: at(0.5), p99: at(0.99) } }
}

/** @throws the signal's reason; that the runner has stopped */
async function unlessEnded(wanted: Promise<void>, runner: Runner, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  const aborted = deferred()
  const abort = (): void => aborted.resolve()
  signal.addEventListener('abort', abort)
  const hasStopped = runner.stopped.then(() => true)
  const stopped = await Promise.race([wanted, aborted.promise, hasStopped])
  signal.removeEventListener('abort', abort)
  signal.throwIfAborted()
  if (stopped === true) throw new Error('The worker has stopped before all jobs were done.')
}

function perSecond(count: () => number, ms: number): number {
  return Math.round((count() * 1_000) / Math.max(ms, 1))
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function nothing(): void {}
