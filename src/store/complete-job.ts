import type { Json } from '../core/json.ts'
import type { Lease } from '../core/lease.ts'
import type { Queryable } from './db.ts'
import {
  completeJob as completeStatement,
  concludeJobs as concludeStatement,
  sweepCompletions as sweepStatement,
} from './statements.generated.ts'
import { runStatement } from './statement.ts'

/** A running job as a write about it names it. */
export interface HeldJob {
  readonly id: string
  readonly queueId: number
  readonly lease: Lease
  /** Where its row lay when it was claimed: a hint. */
  readonly place: string
}

/** What became of a job whose handler had a transaction to complete in; `lost`: its lease no longer holds. */
export type Conclusion = 'completed' | 'open' | 'pending' | 'lost'

/**
 * Completes a job on a transaction of its handler's. `idle`: milliseconds that the transaction may idle from then on.
 * Where the lease does not hold it rejects, and the transaction cannot commit.
 */
export async function completeJob(
  tx: Queryable,
  schema: string,
  { id, queueId, lease, place }: HeldJob,
  { result, idle }: { readonly result: Json | undefined; readonly idle: number },
): Promise<void> {
  await runStatement(tx, schema, completeStatement, {
    worker: String(lease.worker),
    claim: String(lease.claim),
    queue: String(queueId),
    id,
    place,
    result: result === undefined ? null : JSON.stringify(result),
    idle: String(idle),
  })
}

/** Jobs of one worker in one queue whose handlers have ended. */
export interface ConcludeRequest {
  readonly worker: number
  readonly queue: number
  readonly jobs: readonly HeldJob[]
}

/** Asks what became of jobs whose handlers may have completed them, and follows up those that they did. */
export async function concludeJobs(
  db: Queryable,
  schema: string,
  { worker, queue, jobs }: ConcludeRequest,
): Promise<ReadonlyMap<string, Conclusion>> {
  const rows = await runStatement(db, schema, concludeStatement, {
    worker,
    queue,
    ids: jobs.map(({ id }) => id),
    claims: jobs.map(({ lease }) => lease.claim),
  })
  return new Map(rows.map(({ id, state }) => [id, conclusionOf(state)]))
}

function conclusionOf(state: string): Conclusion {
  if (state === 'completed' || state === 'open' || state === 'pending' || state === 'lost') return state
  throw new TypeError(`conclude_jobs answered "${state}"`)
}

/** Follows up what dead processes completed. Any process may do it at any time. Returns how many jobs. */
export async function sweepCompletions(db: Queryable, schema: string): Promise<number> {
  const [row] = await runStatement(db, schema, sweepStatement, {})
  return row?.swept ?? 0
}
