import type { Lease } from '../core/lease.ts'
import type { Settlement } from '../core/settlement.ts'
import type { Queryable } from './db.ts'
import { settleJobs as statement } from './statements.generated.ts'
import { runPrepared } from './statement.ts'

/** One job's settlement, with the lease that entitles to it. */
export interface SettledJob {
  readonly id: string
  readonly lease: Lease
  /** Goes to history if it completes. */
  readonly kept: boolean
  /** Where its row lay when it was claimed; without it, or where it has moved, the row is looked up. */
  readonly place?: string
  readonly settlement: Settlement
}

/** Settlements of one worker in one queue, and its claims of which nothing is left. */
export interface SettleRequest {
  readonly worker: number
  readonly queue: number
  readonly jobs: readonly SettledJob[]
  readonly closed: readonly number[]
}

/** What did not come out as it was asked for. */
export interface Settled {
  /** Their leases no longer hold. */
  readonly refused: ReadonlySet<string>
  /** Cancelled or superseded while they ran, so that they neither came back nor died, but ended. Id to reason. */
  readonly ended: ReadonlyMap<string, string>
}

/** Writes settlements, each only if its lease still holds. */
export async function settleJobs(db: Queryable, schema: string, request: SettleRequest): Promise<Settled> {
  const forget = new CompletedList()
  const keep = new CompletedList()
  const others: string[] = []
  for (const job of inOrder(request.jobs)) {
    const { id, lease, kept, place, settlement } = job
    if (settlement.kind === 'completed') (kept ? keep : forget).add(id, lease, place, settlement.result)
    else others.push(JSON.stringify({ ...settlement, id, claim: lease.claim }))
  }
  const [row] = await runPrepared(db, schema, statement, {
    worker: request.worker,
    queue: request.queue,
    forget: forget.ids,
    forget_claims: forget.claims,
    forget_places: forget.places,
    keep: keep.ids,
    keep_claims: keep.claims,
    keep_places: keep.places,
    results: keep.results,
    others: others.length === 0 ? null : `[${others.join(',')}]`,
    closed: request.closed,
  })
  return {
    refused: new Set(row?.refused),
    ended: new Map(row?.ended.map((id, index) => [id, row.reasons[index] ?? ''])),
  }
}

/** By id, as the statement's binary search requires; ids are digits without leading zeros. */
function inOrder(jobs: readonly SettledJob[]): readonly SettledJob[] {
  return jobs.toSorted((a, b) => a.id.length - b.id.length || (a.id < b.id ? -1 : 1))
}

class CompletedList {
  readonly ids: string[] = []
  readonly claims: number[] = []
  readonly places: string[] = []
  readonly #results: (string | null)[] = []
  #any = false

  add(id: string, { claim }: Lease, place: string | undefined, result: unknown): void {
    this.ids.push(id)
    this.claims.push(claim)
    if (place !== undefined) this.places.push(place)
    this.#results.push(result === undefined ? null : JSON.stringify(result))
    this.#any ||= result !== undefined
  }

  /** Null where no job has one: that is the rule, and shorter. */
  get results(): (string | null)[] | null {
    return this.#any ? this.#results : null
  }
}
