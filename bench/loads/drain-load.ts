// A queue that is full and worked until it is empty, of any system.
import { setTimeout as delay } from 'node:timers/promises'
import { payloadsOf, type JobSystem } from './job-system.ts'
import { RunCheck, numberOf } from './run-check.ts'

export interface DrainLoad {
  readonly jobs: number
  /** Run before the clock starts, with a start and an end of their own. */
  readonly warmUp: number
}

export const DRAIN_QUEUE = 'drain'

/** Jobs per call: they are added before the clock starts. */
const CHUNK = 10_000

/** Jobs per second, from the start of the worker until the store has it that all are done. */
export async function measureDrain(system: JobSystem, { jobs, warmUp }: DrainLoad): Promise<number> {
  await drainOf(system, warmUp)
  return jobs / (await drainOf(system, jobs))
}

/** Answers seconds. */
async function drainOf(system: JobSystem, jobs: number): Promise<number> {
  for (let from = 0; from < jobs; from += CHUNK)
    await system.add(DRAIN_QUEUE, payloadsOf(from, Math.min(CHUNK, jobs - from)))
  await system.settleDown?.()
  const check = new RunCheck(jobs)
  const started = performance.now()
  const working = await system.work([
    { queue: DRAIN_QUEUE, handler: (payload) => check.ran(numberOf(payload)) },
  ])
  // Nobody is asked before all have run, so that asking costs no system anything.
  while (check.count < jobs || !(await system.isEmpty(DRAIN_QUEUE))) await delay(5)
  const seconds = (performance.now() - started) / 1_000
  await working.stop()
  check.verify()
  return seconds
}
