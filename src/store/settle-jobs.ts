import type { Lease } from '../core/lease.ts'
import type { Settlement } from '../core/settlement.ts'
import type { Queryable } from './db.ts'
import { settleJobs as statement } from './statements.generated.ts'
import { runStatement } from './statement.ts'

/** One job's settlement, with the lease that entitles to it. */
export interface SettledJob {
  readonly id: string
  readonly queueId: number
  readonly lease: Lease
  readonly settlement: Settlement
}

/** Settlements of one worker in one queue, and its claims of which nothing is left. */
export interface SettleRequest {
  readonly worker: number
  readonly queue: number
  readonly jobs: readonly SettledJob[]
  readonly closed: readonly number[]
}

/** Writes settlements, each only if its lease still holds. Returns the ids that were refused. */
export async function settleJobs(db: Queryable, schema: string, request: SettleRequest): Promise<ReadonlySet<string>> {
  const ids: string[] = []
  const claims: number[] = []
  const results: (string | null)[] = []
  const others: string[] = []
  let anyResult = false
  for (const { id, lease, settlement } of request.jobs) {
    if (settlement.kind !== 'completed') {
      others.push(entryOf(id, lease, settlement))
      continue
    }
    ids.push(id)
    claims.push(lease.claim)
    results.push(settlement.result === undefined ? null : JSON.stringify(settlement.result))
    anyResult ||= settlement.result !== undefined
  }
  const [row] = await runStatement(db, schema, statement, {
    worker: request.worker,
    queue: request.queue,
    ids,
    claims,
    results: anyResult ? results : null,
    others: others.length === 0 ? null : `[${others.join(',')}]`,
    closed: request.closed,
  })
  return new Set(row?.refused)
}

function entryOf(id: string, lease: Lease, settlement: Exclude<Settlement, { kind: 'completed' }>): string {
  return JSON.stringify({ ...settlement, id, claim: lease.claim })
}
