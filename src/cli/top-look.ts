import type { KongTask } from '../client/client.ts'
import type { FlowMark } from '../core/flow.ts'
import type { QueueInfo } from '../core/queue-info.ts'
import type { WorkerInfo } from '../core/worker-info.ts'

/** What `top` looked at, all at one time. */
export interface TopLook {
  /** By the clock of this machine. */
  readonly at: Date
  readonly queues: readonly QueueInfo[]
  readonly workers: readonly WorkerInfo[]
  /** A count of so many means that or more. */
  readonly countTo: number
  /** Since the look before; undefined of the first. */
  readonly rates: readonly TaskRates[] | undefined
}

/** Of a task in a queue, per second. */
export interface TaskRates {
  readonly queue: string
  readonly task: string
  readonly added: number
  readonly completed: number
  /** Attempts. */
  readonly failed: number
}

const COUNT_TO = 10_000
const MOST_JOBS = 100

/** @param before where the look before ended */
export async function lookAt(
  kong: Pick<KongTask, 'queues' | 'workers' | 'flow'>,
  before: FlowMark | undefined,
): Promise<{ readonly look: TopLook; readonly mark: FlowMark }> {
  const [queues, workers, flow] = await Promise.all([
    kong.queues.list({ countTo: COUNT_TO }),
    kong.workers.list({ jobs: MOST_JOBS }),
    kong.flow(before),
  ])
  const seconds = flow.ms / 1_000
  const rates =
    seconds <= 0
      ? undefined
      : flow.tasks.map(({ queue, task, added, completed, failed }) => ({
          queue,
          task,
          added: added / seconds,
          completed: completed / seconds,
          failed: failed / seconds,
        }))
  return { look: { at: new Date(), queues, workers, countTo: COUNT_TO, rates }, mark: flow.mark }
}
