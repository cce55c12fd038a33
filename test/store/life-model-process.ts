import type { ClaimedJob } from '../../src/store/claim-jobs.ts'
import type { Registration } from '../../src/store/workers.ts'
import { ClaimBook } from '../../src/worker/claim-book.ts'

/** A process as it sees itself: what it holds may be another's by now. */
export class Process {
  registration: Registration
  readonly book = new ClaimBook()
  /** Never used twice, under whatever registration. */
  claims = 0
  readonly awaited = new Set<number>()
  late: { readonly claim: number; readonly jobs: readonly ClaimedJob[] }[] = []
  held: ClaimedJob[] = []
  /** Their handlers have ended, and may have completed them. */
  concluding: ClaimedJob[] = []
  heard: readonly string[] = []

  constructor(registration: Registration) {
    this.registration = registration
  }

  get worker(): number {
    return this.registration.worker
  }

  take(claim: number, jobs: readonly ClaimedJob[]): void {
    this.awaited.delete(claim)
    this.book.opened(jobs)
    this.held.push(...jobs)
  }

  /** It begins anew, and knows nothing of before. Answers what it may still be busy with. */
  restart(registration: Registration): ClaimedJob[] {
    const left = this.held
    this.registration = registration
    this.book.clear()
    this.awaited.clear()
    Object.assign(this, { late: [], held: [], concluding: [], heard: [] })
    return left
  }
}
