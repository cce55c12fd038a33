import { KongTaskError } from '../core/errors.ts'
import { checkQueueConcurrency, checkQueueRate } from '../core/limit-values.ts'
import type { Rate } from '../core/limits.ts'
import { checkQueueName } from '../core/names.ts'
import { checkInteger, invalid } from '../core/option-values.ts'
import { readOptions } from '../core/plain-object.ts'
import type { QueueInfo } from '../core/queue-info.ts'
import { showValue } from '../core/show-value.ts'
import type { NewQueueLimits } from '../store/queues.ts'
import type { Store } from '../store/store.ts'
import { explained } from './explained.ts'

/** Limits of a queue over all processes. `null` takes one away; what is left out or undefined stays as it is. */
export interface QueueLimits {
  /** How many of its jobs may run at once, 1 to 100,000. */
  readonly concurrency?: number | null | undefined
  /** How many of its jobs may start in a period: `{ limit: 100, per: '1m', burst: 10 }`. */
  readonly rateLimit?: Rate | null | undefined
}

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
  /**
   * Limits how many of its jobs run at once, and how many start in a period, over all processes: for every claim from
   * now on. What runs goes on, also where it is more than the new limit. A queue that nobody has used yet may be limited.
   *
   * @throws KT_NAME_INVALID, KT_OPTION_INVALID, KT_OPTION_UNKNOWN, KT_DURATION_INVALID
   * @example
   * await kong.queues.limit('crm', { concurrency: 10, rateLimit: { limit: 300, per: '1m' } })
   */
  limit(name: string, limits: QueueLimits): Promise<void>
}

const KNOWN: ReadonlySet<string> = new Set(['countTo'])
const LIMITS: ReadonlySet<string> = new Set(['concurrency', 'rateLimit'])
const COUNT_TO = 10_000
const MOST_COUNTED = 1_000_000

export function createQueues(
  store: Pick<Store, 'listQueues' | 'limitQueue' | 'pauseQueue' | 'resumeQueue'>,
): Queues {
  return Object.freeze({
    list: async (options: Parameters<Queues['list']>[0] = {}) => {
      const { countTo = COUNT_TO } = readOptions(options, KNOWN, 'queues.list')
      return explained(store.listQueues(checkInteger(countTo, 'countTo', 0, MOST_COUNTED)))
    },
    pause: async (name: string) => explained(store.pauseQueue(checkQueueName(name))),
    limit: async (name: string, limits: QueueLimits) =>
      explained(store.limitQueue(checkQueueName(name), checkLimits(limits))),
    resume: async (name: string) => {
      if (await explained(store.resumeQueue(checkQueueName(name)))) return
      throw new KongTaskError(
        'KT_QUEUE_NOT_FOUND',
        `There is no queue ${showValue(name)} to resume. kong.queues.list() has those that exist.`,
      )
    },
  })
}

function checkLimits(limits: unknown): NewQueueLimits {
  // Elsewhere nothing means no options. Here it means that somebody forgot to say what the limits are.
  if (limits === undefined) throw invalid('limits', limits, 'must be an object')
  const { concurrency, rateLimit } = readOptions(limits, LIMITS, 'queues.limit')
  return {
    concurrency: orNothing(concurrency, checkQueueConcurrency),
    rateLimit: orNothing(rateLimit, checkQueueRate),
  }
}

function orNothing<T>(value: unknown, check: (value: unknown) => T): T | null | undefined {
  return value === undefined || value === null ? value : check(value)
}
