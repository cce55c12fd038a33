// A database whose statistics are what a test says, a connection whose plans are seen, and a worker that uses it.
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest'
import type { AddedJob } from '../../../src/core/new-job.ts'
import type { Settlement } from '../../../src/core/settlement.ts'
import type { Claimed, ClaimedJob, ClaimRequest } from '../../../src/store/claim-jobs.ts'
import type { SettledJob } from '../../../src/store/settle-jobs.ts'
import type { Store } from '../../../src/store/store.ts'
import type { Registration } from '../../../src/store/workers.ts'
import { newJob, type FixtureJob } from '../../store/fixture.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { ExplainedSession, type Explained } from '../explained.ts'
import { BUSY, prepareTables } from './crowd.ts'
import { sins, ways } from './ways.ts'

/** From the sixth execution on PL/pgSQL may have a plan for any values instead of one for these. */
export const ROUNDS = 6

export class PlanFixture {
  #database: TestDatabase | undefined
  #session: ExplainedSession | undefined
  #registration: Registration | undefined
  #claims = 0
  #keys = 0

  get connectionString(): string {
    return found(this.#database).connectionString
  }

  get session(): ExplainedSession {
    return found(this.#session)
  }

  get store(): Store {
    return this.session.store
  }

  get worker(): Registration {
    return found(this.#registration)
  }

  /** The number of the latest claim. */
  get claims(): number {
    return this.#claims
  }

  async create(): Promise<void> {
    this.#database = await createTestDatabase()
    await this.inSession(prepareTables)
  }

  async drop(): Promise<void> {
    await this.#database?.drop()
  }

  /** PL/pgSQL keeps the plans of a connection, so each test has one of its own. */
  async openSession(): Promise<void> {
    this.#session = new ExplainedSession(this.connectionString)
    await this.session.start()
    await this.register()
    // What the test before has left in front of the crowd.
    await this.session.query('delete from kongtask.jobs where queue_id = $1 and lane in (0, 128)', [BUSY])
    await this.session.query(`delete from kongtask.rates where gate !~ 'held'`)
  }

  async closeSession(): Promise<void> {
    await this.#session?.end()
  }

  async inSession(work: (session: ExplainedSession) => Promise<void>): Promise<void> {
    const session = new ExplainedSession(this.connectionString)
    try {
      await work(session)
    } finally {
      await session.end()
    }
  }

  /** From now on it is another worker that claims. */
  async register(): Promise<void> {
    this.#registration = await this.store.registerWorker(600_000, {})
  }

  /** A key that nobody has used. */
  key(): string {
    this.#keys += 1
    return `tested ${this.#keys}`
  }

  /** Adds jobs that go before the crowd. */
  async add(...jobs: readonly FixtureJob[]): Promise<readonly AddedJob[]> {
    return this.store.insertJobs(jobs.map((job) => newJob({ priority: 0, ...job })))
  }

  /** Of the busy queue, or of those that are said. */
  async claimed(
    total: number,
    queues: ClaimRequest['queues'] = new Map([[BUSY, total]]),
    marks?: ClaimRequest['marks'],
    horizon?: ClaimRequest['horizon'],
  ): Promise<Claimed> {
    this.#claims += 1
    const request = { ...this.worker, claim: this.#claims, queues, total, tasks: [1], marks, horizon }
    return this.store.claimJobs(request)
  }

  async claim(total: number): Promise<readonly ClaimedJob[]> {
    const { jobs } = await this.claimed(total)
    if (jobs.length !== total) throw new Error(`${jobs.length} jobs instead of ${total}`)
    return jobs
  }

  async claimOne(): Promise<ClaimedJob> {
    return found((await this.claim(1))[0])
  }

  async settle(jobs: readonly SettledJob[], closed: readonly number[] = []): Promise<void> {
    const { worker } = this.worker
    const { refused } = await this.store.settleJobs({ worker, queue: BUSY, jobs, closed })
    if (refused.size > 0) throw new Error(`refused: ${[...refused].join(', ')}`)
  }

  /** As one that knows of nothing: everything claimed goes back. */
  async beat(): Promise<void> {
    const beat = { ...this.worker, lease: 600_000, known: [], before: this.#claims + 1, heard: ['1', '2'] }
    if (!(await this.store.heartbeat(beat)).alive) throw new Error('not alive')
  }

  explain(work: () => Promise<unknown>): Promise<readonly Explained[]> {
    return this.session.explain(work)
  }
}

/** One database for all tests of a file. */
export function usePlans(): PlanFixture {
  const fixture = new PlanFixture()
  beforeAll(() => fixture.create())
  beforeEach(() => fixture.openSession())
  afterEach(() => fixture.closeSession())
  afterAll(() => fixture.drop())
  return fixture
}

export const completed: Settlement = { kind: 'completed', result: undefined }

export const settledAs =
  (settlement: Settlement) =>
  (job: ClaimedJob): SettledJob => ({ ...job, settlement })

/** What the plans of one round are like. */
interface Look {
  readonly sins: readonly string[]
  readonly ways: readonly string[]
}

/** What the plans of each round are like; `of`: where only some tables are meant. */
export async function inRounds(
  round: () => Promise<readonly Explained[]>,
  of?: readonly string[],
): Promise<readonly Look[]> {
  const looks: Look[] = []
  for (let n = 0; n < ROUNDS; n++) {
    const seen = await round()
    looks.push({ sins: seen.flatMap((plan) => sins(plan, of)), ways: [...ways(seen, of)].toSorted() })
  }
  return looks
}

/** Without fault in each round, and exactly in these ways. */
export function always(...expected: readonly string[]): readonly Look[] {
  return Array.from({ length: ROUNDS }, () => ({ sins: [], ways: expected.toSorted() }))
}

function found<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('there is none')
  return value
}
