import type { Lease } from '../core/lease.ts'
import type { Database, TextRow } from './database.ts'
import { claimJobs as statement } from './statements.generated.ts'
import { inSchema, valuesOf } from './statement.ts'

/** What to claim, for whom. */
export interface ClaimRequest {
  readonly worker: number
  readonly nonce: string
  /** A number that this worker never used before. */
  readonly claim: number
  /** How many of which queues; `all` takes from every queue in turn. */
  readonly queues: ReadonlyMap<number, number> | 'all'
  readonly total: number
  readonly tasks: readonly number[]
  /** Jobs that bear one of these flags are left alone. */
  readonly forbiddenFlags?: readonly string[] | undefined
}

/** A job as claimed: names still numbers, everything else as the database prints it, parsed when somebody looks. */
export interface ClaimedJob {
  readonly id: string
  readonly queueId: number
  readonly taskId: number
  readonly attempt: number
  readonly maxAttempts: number
  readonly priority: number
  readonly crashes: number
  readonly runAt: string
  readonly createdAt: string
  /** Goes to history when completed. */
  readonly kept: boolean
  /** Where its row lies: a hint that saves a look-up when it is settled. */
  readonly place: string
  readonly payload: string
  readonly extras: string | null
  readonly errors: string | null
  /** Why it must not run: it was cancelled, or superseded by a successor, while it ran before. */
  readonly ended: string | null
  readonly lease: Lease
}

export interface Claimed {
  readonly jobs: readonly ClaimedJob[]
  /** Fewer jobs were ready than were asked for. */
  readonly dry: boolean
  /** Where dry: milliseconds until the next scheduled job of the queues asked falls due, if there is one. */
  readonly nextDueIn: number | undefined
}

/** Leases up to `total` ready jobs, best priority and earliest due first within each queue. */
export async function claimJobs(database: Database, schema: string, request: ClaimRequest): Promise<Claimed> {
  const { queues, forbiddenFlags } = request
  const { text: sql, name } = inSchema(statement, schema)
  const rows = await database.queryText(
    sql,
    valuesOf(statement, {
      ...request,
      queues: queues === 'all' ? null : [...queues.keys()],
      limits: queues === 'all' ? null : [...queues.values()],
      forbidden: forbiddenFlags === undefined || forbiddenFlags.length === 0 ? null : forbiddenFlags,
    }),
    name,
  )
  const lease: Lease = { worker: request.worker, claim: request.claim }
  const last = rows.at(-1)
  const dry = last !== undefined && last[0] === null
  return {
    jobs: (dry ? rows.slice(0, -1) : rows).map((row) => claimedJob(row, lease)).toSorted(byTurn),
    dry,
    nextDueIn: dry ? millisecondsBetween(last[8], last[7]) : undefined,
  }
}

/** The claim answers in the order in which the rows lie on disk. */
function byTurn(a: ClaimedJob, b: ClaimedJob): number {
  return (
    a.priority - b.priority || compared(a.runAt, b.runAt) || a.id.length - b.id.length || compared(a.id, b.id)
  )
}

function compared(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1
}

function claimedJob(row: TextRow, lease: Lease): ClaimedJob {
  return {
    id: text(row[0]),
    queueId: Number(row[1]),
    taskId: Number(row[2]),
    attempt: Number(row[3]),
    maxAttempts: Number(row[4]),
    priority: Number(row[5]),
    crashes: Number(row[6]),
    runAt: text(row[7]),
    createdAt: text(row[8]),
    kept: row[9] === 't',
    place: text(row[10]),
    payload: text(row[11]),
    extras: row[12] ?? null,
    errors: row[13] ?? null,
    ended: row[14] ?? null,
    lease,
  }
}

function text(value: string | null | undefined): string {
  if (typeof value !== 'string') throw new TypeError('claim_jobs left out a column that it promises')
  return value
}

function millisecondsBetween(
  now: string | null | undefined,
  then: string | null | undefined,
): number | undefined {
  if (typeof now !== 'string' || typeof then !== 'string') return undefined
  return Math.max(0, Date.parse(then) - Date.parse(now))
}
