// What a process costs that has next to nothing to do.
import { setTimeout as delay } from 'node:timers/promises'
import { KongTask, run } from 'kongtask'
import type { Measured } from '../frame/measure.ts'
import { sizedPayload } from '../loads/sized-payload.ts'
import type { ServerCounts } from '../servers/server-counts.ts'
import { QueryCounter } from '../servers/query-counter.ts'

/** Seconds until a process that has started is at rest. */
const START = 3
/** Transactions. */
const OF_ADDING = 2
/** Milliseconds from one job to the next. */
const TRICKLE = 200

const nothing = (): void => undefined
/** Without LISTEN there are warnings, as there should be. */
const mute = { debug: nothing, info: nothing, warn: nothing, error: console.error }

export interface IdleOptions {
  readonly connectionString: string
  /** Whether it hears of new jobs, or has to look. */
  readonly listens: boolean
  readonly seconds: number
}

export async function measureIdle({ connectionString, listens, seconds }: IdleOptions): Promise<Measured> {
  await migrated(connectionString)
  await using counter = await QueryCounter.open(connectionString, { listens })
  let queries = 0
  await live(counter.connectionString, async () => {
    await delay(START * 1_000)
    const before = counter.queries
    await delay(seconds * 1_000)
    queries = counter.queries - before
  })
  return { idle_queries_per_minute: (queries / seconds) * 60 }
}

/**
 * One job at a time, so that no two share a transaction. A life in which they come without one of the same length in which
 * none comes: polls, heartbeats and chores fall out. Two are of the add: its own, and the one in which the listener's
 * backend reads that it was notified, which is no statement but is counted. What is left is claiming and settling, with
 * whatever claim the job's end leads to.
 */
export async function measureTrickle(
  connectionString: string,
  counts: ServerCounts,
  jobs: number,
): Promise<Measured> {
  await migrated(connectionString)
  const idle = await counts.during(() => trickle(connectionString, 0, jobs))
  const busy = await counts.during(() => trickle(connectionString, jobs, 0))
  return { transactions_per_job: (busy.transactions - idle.transactions) / jobs - OF_ADDING }
}

/** So many jobs, one after the other, and so many times none. */
async function trickle(connectionString: string, jobs: number, pauses: number): Promise<void> {
  const kong = new KongTask({ connectionString })
  let ran = 0
  await live(
    connectionString,
    async () => {
      // Connections are opened by it, as they are where no further one comes.
      await kong.addJob('noop', sizedPayload(0), { retain: false })
      await delay(START * 1_000)
      for (let n = 1; n <= jobs; n++) {
        await kong.addJob('noop', sizedPayload(n), { retain: false })
        await delay(TRICKLE)
      }
      await delay(pauses * TRICKLE)
    },
    () => ran++,
  )
  await kong.close()
  if (ran !== jobs + 1) throw new Error(`${ran} of ${jobs + 1} jobs ran: the measurement is void.`)
}

async function live(
  connectionString: string,
  during: () => Promise<unknown>,
  noop: () => void = nothing,
): Promise<void> {
  const runner = await run({ connectionString, migrate: false, logger: mute, tasks: { noop } })
  try {
    await during()
  } finally {
    await runner.stop()
  }
}

async function migrated(connectionString: string): Promise<void> {
  const kong = new KongTask({ connectionString })
  await kong.migrate()
  await kong.close()
}
