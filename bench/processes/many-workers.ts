// The rate of a fleet, whatever the system: all workers are there and idle before there is anything to do.
import { setTimeout as delay } from 'node:timers/promises'
import type { Measured } from '../frame/measure.ts'
import { RunCheck } from '../loads/run-check.ts'
import type { ServerCounts } from '../servers/server-counts.ts'
import { Fleet } from './fleet.ts'

/** A worker's connections have seen every statement by then. */
const WARM_UP_EACH = 3_000
const WARM_UP = 2_000

/** One system with a database of its own. */
export interface FleetSystem {
  /** Of its processes, its file name in bench/systems/. */
  readonly program: string
  /** Anew and empty. */
  create(): Promise<void>
  /** Resolves when so many workers are there. */
  arrived(workers: number): Promise<void>
  /** Adds jobs that nobody may have yet. */
  load(from: number, count: number): Promise<void>
  /** Vacuum and statistics, after which each connection thinks all of its plans over. */
  tidy(): Promise<void>
  /** Now they may. */
  release(): Promise<void>
  isEmpty(): Promise<boolean>
  close(): Promise<void>
}

export interface FleetOptions {
  readonly connectionString: string
  readonly workers: number
  readonly jobs: number
}

/** The rate, and how far jobs shared transactions. @throws where anything went wrong on the way, were it only for a moment */
export async function measureFleet(
  system: FleetSystem,
  counts: ServerCounts,
  { connectionString, workers, jobs }: FleetOptions,
): Promise<Measured> {
  const warmUp = WARM_UP + workers * WARM_UP_EACH
  const check = new RunCheck(warmUp + jobs)
  let seconds = Number.NaN
  const { deadlocks, transactions } = await counts.during(async () => {
    try {
      await system.create()
      await using fleet = await Fleet.start(system.program, connectionString, workers)
      await system.arrived(workers)
      await system.load(0, warmUp)
      await system.tidy()
      await drained(system, fleet, warmUp)
      await system.load(warmUp, jobs)
      seconds = await drained(system, fleet, warmUp + jobs)
      for (const { ran, troubles } of await fleet.stop()) {
        if (troubles.length > 0) throw new Error(`There was trouble: ${told(troubles)}`)
        for (const n of ran) check.ran(n)
      }
    } finally {
      await system.close()
    }
  })
  if (deadlocks > 0) throw new Error(`There were ${deadlocks} deadlocks.`)
  check.verify()
  return { jobs_per_s: jobs / seconds, transactions_per_job: transactions / (warmUp + jobs) }
}

/** Each once, with how often. */
function told(troubles: readonly string[]): string {
  const kinds = new Set(troubles)
  return [...kinds]
    .map((kind) => `${kind} (${troubles.filter((one) => one === kind).length} times)`)
    .join('; ')
}

/** Until so many have run in all, and are settled. Answers seconds. */
async function drained(system: FleetSystem, fleet: Fleet, jobs: number): Promise<number> {
  const started = performance.now()
  fleet.go()
  await system.release()
  while (fleet.ran < jobs || !(await system.isEmpty())) await delay(5)
  return (performance.now() - started) / 1_000
}
