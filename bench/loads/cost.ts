// What jobs cost, whatever the system: it fills and works, the server and the processes' clocks are asked.
import type { Measured } from '../frame/measure.ts'
import { processorTime } from '../servers/processor-time.ts'
import type { ServerCounts } from '../servers/server-counts.ts'
import { sizedPayload, type SizedPayload } from './sized-payload.ts'

/** Jobs in a call that adds. */
export const BULK = 1_000
const WARM_UP = 2_000

/** A system with a database of its own. Whatever it opens it closes before a call resolves. */
export interface CostSystem {
  /** Anew, without autovacuum: when that comes is chance. */
  create(): Promise<void>
  /** `isDone` is to be called before the connections are closed. */
  add(payloads: readonly SizedPayload[], isDone: () => Promise<void>): Promise<void>
  /** Until nothing is left. */
  work(jobs: number, isDone: () => Promise<void>): Promise<void>
  /** Of the tables of live jobs. */
  vacuum(): Promise<void>
}

/**
 * The steady price: a checkpoint comes first, and the warm-up writes the pages that were there, so no page is written whole
 * in the measure. What a checkpoint costs beside, 8 kB for each page that is touched again after it, depends on the jobs in
 * between, and divides by them.
 */
export async function measureAddingCost(
  system: CostSystem,
  counts: ServerCounts,
  jobs: number,
): Promise<Measured> {
  await warmUp(system, counts)
  return perJob(jobs, counts, (isDone) => addAll(system, jobs, isDone))
}

/** Claiming, running and settling; the start and the end of the process among it. */
export async function measureWorkingCost(
  system: CostSystem,
  counts: ServerCounts,
  jobs: number,
): Promise<Measured> {
  await warmUp(system, counts)
  await addAll(system, jobs, nothing)
  const measured = await perJob(jobs, counts, (isDone) => system.work(jobs, isDone))
  const { wal } = await counts.during(() => system.vacuum())
  return { ...measured, vacuum_wal_bytes_per_job: wal / jobs }
}

const nothing = (): Promise<void> => Promise.resolve()

async function warmUp(system: CostSystem, counts: ServerCounts): Promise<void> {
  await system.create()
  await counts.checkpoint()
  await addAll(system, WARM_UP, nothing)
  await system.work(WARM_UP, nothing)
}

function addAll(system: CostSystem, jobs: number, isDone: () => Promise<void>): Promise<void> {
  return system.add(
    Array.from({ length: jobs }, (_, n) => sizedPayload(n)),
    isDone,
  )
}

async function perJob(
  jobs: number,
  counts: ServerCounts,
  work: (isDone: () => Promise<void>) => Promise<void>,
): Promise<Measured> {
  let processors: Measured = {}
  const { wal, transactions, deadRows } = await counts.during(async () => {
    const before = process.cpuUsage()
    await work(async () => {
      const { user, system } = process.cpuUsage(before)
      const backends = await processorTime(await counts.backends())
      processors = {
        node_cpu_ms_per_job: (user + system) / 1_000 / jobs,
        ...(backends === undefined ? {} : { postgres_cpu_ms_per_job: backends / jobs }),
      }
    })
  })
  return {
    wal_bytes_per_job: wal / jobs,
    transactions_per_job: transactions / jobs,
    dead_rows_per_job: deadRows / jobs,
    ...processors,
  }
}
