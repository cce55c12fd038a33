import type { ClaimEnd, ClaimedJob } from '../../src/store/claim-jobs.ts'

/** A job as a claim answers it, for tests of the worker that need no database. */
export function claimedJob(id: string, overrides: Partial<ClaimedJob> = {}): ClaimedJob {
  return {
    id,
    queueId: 1,
    taskId: 1,
    attempt: 1,
    maxAttempts: 25,
    priority: 1,
    crashes: 0,
    runAt: Date.UTC(2025, 0, 1) * 1_000,
    createdAt: Date.UTC(2025, 0, 1) * 1_000,
    kept: true,
    place: '(0,1)',
    payload: '{}',
    extras: null,
    errors: null,
    ended: null,
    lease: { worker: 1, claim: 1 },
    ...overrides,
  }
}

/** The end of a claim of which no marks can be made. */
export const noEnd: ClaimEnd = { time: { now: 0, xid: 0, xmin: 0 }, paused: [], ends: [] }
