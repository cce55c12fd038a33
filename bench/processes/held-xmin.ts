// What is measured of a queue that is kept short while somebody else's transaction keeps vacuum from removing anything:
// a report that runs for hours, a forgotten psql. Whoever claims by walking an index then walks what was there before.
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import type { Measured } from '../frame/measure.ts'
import { percentile } from '../frame/percentile.ts'
import { heldJob, isLate, runsOf, type HeldJob } from './held-load.ts'
import { WorkerProcesses, type Progress, type WorkerReport } from './worker-processes.ts'

/** What another session holds open: nothing, a snapshot, or a snapshot and a transaction's number. */
export type Hold = 'nothing' | 'snapshot' | 'xid'

export interface HeldOptions {
  readonly connectionString: string
  readonly jobs: number
  readonly hold: Hold
}

/** Who adds jobs to one system, whose tables are new and empty. */
export interface HeldProducer {
  /** Adds them in transactions of its own. */
  add(jobs: readonly HeldJob[]): Promise<unknown>
  /** Adds them within the transaction that is open on this connection. */
  addOn(client: pg.Client, jobs: readonly HeldJob[]): Promise<unknown>
  /** Jobs that are there, in whatever state. */
  left(): Promise<number>
  close(): Promise<void>
}

export interface HeldSystem {
  /** Its worker program, in bench/systems/. */
  readonly program: string
  open(connectionString: string): Promise<HeldProducer>
}

/** Jobs that are kept ready, about. */
const READY = 4_000
const CHUNK = 1_000
const LATE_CONNECTIONS = 8
/** How long a late transaction stays open, in milliseconds. */
const LATE = { from: 200, to: 2_000 }
const TENTHS = 10

/** Adds and works all jobs, sees that each was completed once, and answers how the rate went on. */
export async function measureHeld(system: HeldSystem, options: HeldOptions): Promise<Measured> {
  const { connectionString, jobs, hold } = options
  const producer = await system.open(connectionString)
  try {
    return await whileHeld(connectionString, hold, async () => {
      await using workers = await WorkerProcesses.start(system.program, connectionString, jobs)
      const begun = Date.now()
      const commits = await addAll(producer, workers, options)
      await workers.completed(jobs)
      const report = await workers.report(jobs)
      verify(report, await producer.left())
      return {
        ...rates(workers.progress, begun, jobs),
        straggler_p99_ms: percentile(stragglers(commits, report), 0.99),
      }
    })
  } finally {
    await producer.close()
  }
}

/** With a session beside it whose transaction has seen the tables as they are now. */
async function whileHeld<T>(connectionString: string, hold: Hold, work: () => Promise<T>): Promise<T> {
  const client = await connect(connectionString)
  try {
    if (hold !== 'nothing') {
      await client.query('begin isolation level repeatable read')
      await client.query(hold === 'xid' ? 'select pg_current_xact_id()' : 'select count(*) from pg_class')
    }
    return await work()
  } finally {
    await client.end()
  }
}

async function connect(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  return client
}

/** Answers when the late jobs were committed: number → time. */
async function addAll(
  producer: HeldProducer,
  workers: WorkerProcesses,
  { connectionString, jobs }: HeldOptions,
): Promise<ReadonlyMap<number, number>> {
  const clients = await Promise.all(Array.from({ length: LATE_CONNECTIONS }, () => connect(connectionString)))
  const late = new LateJobs(producer)
  const adding = clients.map((client) => late.work(client))
  let added = 0
  try {
    for (let next = 0; next < jobs; next += CHUNK) {
      while (added - workers.started > READY - CHUNK) {
        workers.check()
        await delay(2)
      }
      const chunk = Array.from({ length: Math.min(CHUNK, jobs - next) }, (_, index) => heldJob(next + index))
      late.take(chunk.filter(({ n }) => isLate(n)))
      const prompt = chunk.filter(({ n }) => !isLate(n))
      await producer.add(prompt)
      added += prompt.length
    }
  } finally {
    late.end()
    await Promise.all(adding)
    await Promise.all(clients.map((client) => client.end()))
  }
  return late.commits
}

/** Jobs that are added by transactions which stay open for a while. */
class LateJobs {
  readonly commits = new Map<number, number>()
  readonly #producer: HeldProducer
  #waiting: HeldJob[] = []
  #transactions = 0
  #hasEnded = false

  constructor(producer: HeldProducer) {
    this.#producer = producer
  }

  take(jobs: readonly HeldJob[]): void {
    this.#waiting.push(...jobs)
  }

  end(): void {
    this.#hasEnded = true
  }

  /** One connection's part: whatever waits goes into its next transaction. */
  async work(client: pg.Client): Promise<void> {
    while (!this.#hasEnded || this.#waiting.length > 0) {
      const jobs = this.#waiting
      this.#waiting = []
      if (jobs.length > 0) await this.#add(client, jobs)
      else await delay(20)
    }
  }

  async #add(client: pg.Client, jobs: readonly HeldJob[]): Promise<void> {
    // Spread evenly, and the same in each run.
    const open = LATE.from + ((this.#transactions++ * 677) % (LATE.to - LATE.from))
    await client.query('begin')
    await this.#producer.addOn(client, jobs)
    await delay(open)
    // Before it is sent: the answer may come later than a worker.
    const at = Date.now()
    await client.query('commit')
    for (const { n } of jobs) this.commits.set(n, at)
  }
}

/** @throws where a job was not completed exactly once */
function verify({ runs }: WorkerReport, left: number): void {
  const wrong = runs.findIndex((count, n) => count !== runsOf(n))
  if (wrong !== -1)
    throw new Error(`Job ${wrong} ran ${runs[wrong]} times, not ${runsOf(wrong)}: the measurement is void.`)
  if (left !== 0) throw new Error(`${left} jobs are left: the measurement is void.`)
}

/**
 * Jobs per second, overall and for each tenth of the jobs, by when they started for the first time. Late ones are left
 * out, and so are second attempts: the last of them run when there is nothing else to do.
 */
function rates(progress: readonly Progress[], begun: number, jobs: number): Measured {
  const prompt = Array.from({ length: jobs }, (_, n) => n).filter((n) => !isLate(n)).length
  const bounds = Array.from({ length: TENTHS }, (_, tenth) =>
    reachedAt(progress, (prompt * (tenth + 1)) / TENTHS),
  )
  const at = (tenth: number): number => (tenth === 0 ? begun : (bounds[tenth - 1] ?? Number.NaN))
  const rate = (from: number, to: number): number =>
    ((prompt / TENTHS) * (to - from) * 1_000) / (at(to) - at(from))
  return {
    jobs_per_s: rate(0, TENTHS),
    last_over_first: rate(8, 10) / rate(1, 3),
    ...Object.fromEntries(bounds.map((_, tenth) => [`tenth_${tenth + 1}`, rate(tenth, tenth + 1)])),
  }
}

/** When so many had started, between two words of it by proportion. */
function reachedAt(progress: readonly Progress[], started: number): number {
  const index = progress.findIndex((point) => point.started >= started)
  const [before, after] = [progress[index - 1], progress[index]]
  if (after === undefined) return Number.NaN
  if (before === undefined) return after.at
  const share = (started - before.started) / (after.started - before.started)
  return before.at + share * (after.at - before.at)
}

/** From commit to start, in milliseconds. */
function stragglers(commits: ReadonlyMap<number, number>, { lateStarts }: WorkerReport): number[] {
  return [...commits].map(([n, committed]) => (lateStarts.get(n) ?? Number.NaN) - committed)
}
