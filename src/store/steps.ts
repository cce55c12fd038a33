import type { HeldJob } from './complete-job.ts'
import type { Queryable } from './db.ts'
import {
  pruneRecords as pruneStatement,
  readSteps as readStatement,
  storeStep as storeStatement,
} from './statements.generated.ts'
import { runStatement } from './statement.ts'

const PRUNE_BATCH = 1_000

/** What a step of a job came to, in this execution or an earlier one. */
export interface StoredStep {
  /** JSON text; undefined where the step has none. */
  readonly result: string | undefined
  /** A sleep: milliseconds until it is over, from the moment when the database was asked. */
  readonly wakesIn: number | undefined
}

/** What a step came to, to be stored. */
export interface NewStep {
  readonly name: string
  readonly result?: string | undefined
  /** Milliseconds: it is a sleep. */
  readonly sleep?: number | undefined
  /** Milliseconds that a transaction of the handler's may idle from then on; undefined: it is not on one. */
  readonly idle?: number | undefined
}

/** By name. */
export async function readSteps(
  db: Queryable,
  schema: string,
  id: string,
): Promise<ReadonlyMap<string, StoredStep>> {
  const rows = await runStatement(db, schema, readStatement, { id })
  return new Map(
    rows.map(({ name, result, wakes_in: wakesIn }) => [
      name,
      { result: result ?? undefined, wakesIn: wakesIn === null ? undefined : Number(wakesIn) },
    ]),
  )
}

/**
 * Stores a step under the job's lease. Where that does not hold it rejects, and a transaction of the handler's cannot
 * commit. Returns in how many milliseconds the sleep is over, where it is one.
 */
export async function storeStep(
  on: Queryable,
  schema: string,
  { id, queueId, lease, place }: HeldJob,
  { name, result, sleep, idle }: NewStep,
): Promise<number | undefined> {
  const [row] = await runStatement(on, schema, storeStatement, {
    worker: String(lease.worker),
    claim: String(lease.claim),
    queue: String(queueId),
    id,
    place,
    name,
    result: result ?? null,
    sleep: sleep === undefined ? null : String(sleep),
    idle: idle === undefined ? null : String(idle),
  })
  return row === undefined || row.wakes_in === null ? undefined : Number(row.wakes_in)
}

/** Where a batch of pruning ended; `next` is undefined behind the last one. */
export interface PrunedRecords {
  readonly pruned: number
  readonly next: string | undefined
}

/** Takes away one batch of steps and progress of jobs that are gone. */
export async function pruneRecords(
  db: Queryable,
  schema: string,
  after: string | undefined,
): Promise<PrunedRecords> {
  const [row] = await runStatement(db, schema, pruneStatement, { after: after ?? null, limit: PRUNE_BATCH })
  return { pruned: row?.pruned ?? 0, next: row?.after ?? undefined }
}
