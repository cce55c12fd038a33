// What is measured of claiming from a deep queue, whatever the system: the claim alone, on one connection that does
// nothing else at the time.
import type { Measured } from '../frame/measure.ts'
import { percentile } from '../frame/percentile.ts'

/** What jobs are put there, and when they are due. */
export interface Fill {
  readonly jobs: number
  /** Over the past week in order of adding, or at random with mixed priorities; now; or tomorrow, before all others. */
  readonly due: 'in-order' | 'at-random' | 'now' | 'tomorrow'
}

/** SQL for the n-th of $1 jobs. */
export const DUE: Readonly<Record<Fill['due'], string>> = {
  'in-order': `clock_timestamp() - interval '7 days' * (1 - n / $1::float8)`,
  'at-random': `clock_timestamp() - interval '7 days' * random()`,
  now: 'clock_timestamp()',
  tomorrow: `clock_timestamp() + interval '1 day' + n * interval '1 ms'`,
}
export const PRIORITY: Readonly<Record<Fill['due'], string>> = {
  'in-order': '1',
  'at-random': '(array[0, 5, 10])[1 + floor(random() * 3)]',
  now: '1',
  tomorrow: '0',
}

/** A queue in a database of its own. */
export interface BacklogQueue {
  put(fill: Fill): Promise<void>
  /** As after a quiet night: no dead rows, statistics of what is there, nothing to be written back. */
  rest(): Promise<void>
  /** Answers how many it took. */
  claim(most: number): Promise<number>
  /** Completes what the latest claim took. */
  complete(): Promise<void>
  close(): Promise<void>
}

export interface Backlog {
  readonly fills: readonly Fill[]
  /** How what was taken is replaced, so that the queue stays as deep. */
  readonly refill: Fill['due']
}

/** Of a connection: a commit's wait for the disk is the same at any depth, and more than all the rest. */
export const NO_WAIT = '-c synchronous_commit=off'

const BATCH = 100
const CLAIMS = 200
const WARM_UP = 5
/** A claim that takes seconds need not be made so often. */
const LONGEST_MS = 20_000
const FEWEST = 5

/** The median of a run's claims, in milliseconds. */
export async function measureClaims(queue: BacklogQueue, { refill }: Backlog): Promise<Measured> {
  await queue.rest()
  const times: number[] = []
  let spent = 0
  for (let claim = 0; claim < WARM_UP + CLAIMS; claim++) {
    const begun = performance.now()
    const taken = await queue.claim(BATCH)
    const time = performance.now() - begun
    if (taken !== BATCH) throw new Error(`A claim took ${taken} of ${BATCH} jobs: the measurement is void.`)
    await queue.complete()
    await queue.put({ jobs: BATCH, due: refill })
    if (claim >= WARM_UP) times.push(time)
    spent += time
    if (spent > LONGEST_MS && times.length >= FEWEST) break
  }
  return { claim_ms: percentile(times, 0.5) }
}
