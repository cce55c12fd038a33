import type { ClaimedJob } from '../store/claim-jobs.ts'

/**
 * Which claims of this process have unsettled jobs. The heartbeat vouches for these; what the database's ledger
 * names beyond them was claimed without our knowing and is given back.
 */
export class ClaimBook {
  /** Claim number → queue → jobs that are not settled. */
  readonly #open = new Map<number, Map<number, number>>()
  /** Claims of which a job could not be settled: their ledger rows must stay, or nothing would ever give it back. */
  readonly #disowned = new Set<number>()

  opened(jobs: readonly ClaimedJob[]): void {
    for (const { lease, queueId } of jobs) {
      const queues = this.#open.get(lease.claim) ?? new Map<number, number>()
      this.#open.set(lease.claim, queues)
      queues.set(queueId, (queues.get(queueId) ?? 0) + 1)
    }
  }

  /** The claims of which nothing would be left in a queue if these jobs were settled. */
  wouldClose(jobs: readonly Settled[]): number[] {
    return [...counted(jobs)]
      .filter(([claim, settled]) => this.#open.get(claim)?.get(settled.queueId) === settled.count)
      .map(([claim]) => claim)
      .filter((claim) => !this.#disowned.has(claim))
  }

  /** All of one queue. */
  settled(jobs: readonly Settled[]): void {
    for (const [claim, { queueId, count }] of counted(jobs)) {
      const queues = this.#open.get(claim)
      const left = (queues?.get(queueId) ?? 0) - count
      if (left > 0) queues?.set(queueId, left)
      else queues?.delete(queueId)
      if (queues?.size === 0) this.#closed(claim)
    }
  }

  /** These will never be settled. Once the rest of their claims is, the heartbeat vouches no more and they go back. */
  disowned(jobs: readonly Settled[]): void {
    for (const { lease } of jobs) this.#disowned.add(lease.claim)
    this.settled(jobs)
  }

  get claims(): number[] {
    return [...this.#open.keys()]
  }

  /** The lease is lost: others own these jobs now. */
  clear(): void {
    this.#open.clear()
    this.#disowned.clear()
  }

  #closed(claim: number): void {
    this.#open.delete(claim)
    this.#disowned.delete(claim)
  }
}

/** What the book needs to know of a settled job. */
export interface Settled {
  readonly queueId: number
  readonly lease: { readonly claim: number }
}

function counted(jobs: readonly Settled[]): Map<number, { queueId: number; count: number }> {
  const counts = new Map<number, { queueId: number; count: number }>()
  for (const { lease, queueId } of jobs) {
    const entry = counts.get(lease.claim)
    if (entry === undefined) counts.set(lease.claim, { queueId, count: 1 })
    else entry.count += 1
  }
  return counts
}
