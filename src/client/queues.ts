import { KongTaskError } from '../core/errors.ts'
import { checkQueueName } from '../core/names.ts'
import { checkInteger } from '../core/option-values.ts'
import { readOptions } from '../core/plain-object.ts'
import type { QueueInfo } from '../core/queue-info.ts'
import { showValue } from '../core/show-value.ts'
import type { Store } from '../store/store.ts'
import { explained } from './explained.ts'

/** Queues, as an operator steers them. */
export interface Queues {
  /**
   * All queues, by name, each with what is in it. Counting stops at `countTo` jobs of a state (0 to 1,000,000; 10,000
   * by default), so the call stays quick whatever the backlog: a count of `countTo` means so many or more.
   */
  list(options?: { readonly countTo?: number | undefined }): Promise<QueueInfo[]>
  /**
   * Starts no more jobs of this queue, on any process: none is claimed once this has resolved, and what processes have
   * claimed and not started goes back, at once where they listen, else with their next heartbeat. Running jobs go on.
   * Adding goes on, too. A queue that nobody has used yet may be paused; pausing what is paused changes nothing.
   *
   * @throws KT_NAME_INVALID
   */
  pause(name: string): Promise<void>
  /**
   * Lets its jobs start again, at once where processes listen. Resuming what is not paused changes nothing.
   *
   * @throws KT_NAME_INVALID; KT_QUEUE_NOT_FOUND where no queue has that name, so that a slip does not go unnoticed
   */
  resume(name: string): Promise<void>
}

const KNOWN: ReadonlySet<string> = new Set(['countTo'])
const COUNT_TO = 10_000
const MOST_COUNTED = 1_000_000

export function createQueues(store: Pick<Store, 'listQueues' | 'pauseQueue' | 'resumeQueue'>): Queues {
  return Object.freeze({
    list: async (options: Parameters<Queues['list']>[0] = {}) => {
      const { countTo = COUNT_TO } = readOptions(options, KNOWN, 'queues.list')
      return explained(store.listQueues(checkInteger(countTo, 'countTo', 0, MOST_COUNTED)))
    },
    pause: async (name: string) => explained(store.pauseQueue(checkQueueName(name))),
    resume: async (name: string) => {
      if (await explained(store.resumeQueue(checkQueueName(name)))) return
      throw new KongTaskError(
        'KT_QUEUE_NOT_FOUND',
        `There is no queue ${showValue(name)} to resume. kong.queues.list() has those that exist.`,
      )
    },
  })
}
