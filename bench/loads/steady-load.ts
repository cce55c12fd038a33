// Jobs come in at a given rate while they are worked, of any system.
import { setTimeout as delay } from 'node:timers/promises'
import type { JobSystem } from './job-system.ts'
import { STEADY_QUEUE, type Producer } from './producer.ts'
import { RunCheck, numberOf } from './run-check.ts'

export interface SteadyLoad {
  /** Jobs offered per second. */
  readonly rate: number
  readonly concurrency: number
  /** What a handler takes, by a timer. */
  readonly handlerMs: number
  readonly warmUpSeconds: number
  readonly seconds: number
}

/** How long what has piled up may take in the end. Whoever cannot keep up by far is not waited for. */
const WORK_OFF_MS = 10_000
/** Longer than a system may take to begin, tidy up and end: only for knowing how many jobs there may be. */
const AMPLE_SECONDS = 120

/**
 * Handlers that ended per second, in `seconds` that begin some time after the first job, while more are offered all the
 * time; at most what was offered: more than that is what was late from before.
 */
export async function measureSteady(
  system: JobSystem,
  load: SteadyLoad,
  startProducing: () => Producer,
): Promise<number> {
  const { rate, concurrency, handlerMs, warmUpSeconds, seconds } = load
  const check = new RunCheck(rate * (warmUpSeconds + seconds + AMPLE_SECONDS))
  const { begun, begin } = beginning()
  const working = await system.work([
    {
      queue: STEADY_QUEUE,
      concurrency,
      handler: async (payload) => {
        begin()
        await delay(handlerMs)
        check.ran(numberOf(payload))
      },
    },
  ])
  const producer = startProducing()
  await Promise.race([begun, producer.failed])
  await delay(warmUpSeconds * 1_000)
  // Tables that were empty a moment ago have no statistics yet, which they have in life.
  await system.settleDown?.()
  const [from, ranBefore] = [performance.now(), check.count]
  await delay(seconds * 1_000)
  const measured = ((check.count - ranBefore) / (performance.now() - from)) * 1_000
  const added = await producer.stop()
  const isDone = await workOff(system, check, added)
  await working.stop()
  if (isDone) check.verify(added)
  else check.verifyNoneTwice()
  return Math.min(measured, rate)
}

function beginning(): { readonly begun: Promise<void>; readonly begin: () => void } {
  let begin = (): void => undefined
  const begun = new Promise<void>((resolve) => {
    begin = resolve
  })
  return { begun, begin: () => begin() }
}

/** Whether all was done in time. */
async function workOff(system: JobSystem, check: RunCheck, jobs: number): Promise<boolean> {
  const deadline = performance.now() + WORK_OFF_MS
  while (check.count < jobs || !(await system.isEmpty(STEADY_QUEUE))) {
    if (performance.now() > deadline) return false
    await delay(20)
  }
  return true
}
