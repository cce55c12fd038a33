import { KongTaskError } from '../core/errors.ts'
import { checkInteger, invalid } from '../core/option-values.ts'
import { readOptions } from '../core/plain-object.ts'
import type { WorkerInfo } from '../core/worker-info.ts'
import type { Store } from '../store/store.ts'
import { explained } from './explained.ts'

/** Processes that work jobs, as an operator steers them. */
export interface Workers {
  /**
   * All processes that are registered, oldest first, each with what it has right now: up to `jobs` of them (0 to
   * 1,000; 100 by default).
   */
  list(options?: { readonly jobs?: number | undefined }): Promise<WorkerInfo[]>
  /**
   * Tells a process to stop in good order: it claims no more, gives back what has not started, lets its handlers end
   * within its grace period, and its runner stops. Resolves when it was told, which it hears at once where it listens,
   * else with its next heartbeat; with `wait`, when it is gone. `signal` ends the waiting, not the draining.
   *
   * @throws KT_WORKER_NOT_FOUND; the signal's reason where that aborts first
   */
  drain(worker: number, options?: DrainOptions): Promise<void>
  /**
   * Declares a process dead now, without waiting for its lease: its jobs go back at once, their attempts too, and no
   * crash is counted. If it lives after all, its handlers' signals abort, what it still writes about these jobs is
   * refused, and it goes on under a new number. Answers how many jobs went back; what is being written about at this
   * very moment follows within seconds.
   *
   * @throws KT_WORKER_NOT_FOUND
   */
  unlock(worker: number): Promise<{ readonly released: number }>
}

export interface DrainOptions {
  /** Resolve when the process is gone. @default false */
  readonly wait?: boolean | undefined
  /** Ends the waiting. */
  readonly signal?: AbortSignal | undefined
}

const LIST_OPTIONS: ReadonlySet<string> = new Set(['jobs'])
const DRAIN_OPTIONS: ReadonlySet<string> = new Set(['wait', 'signal'])
const MOST_JOBS = 1_000
const LARGEST_NUMBER = 2 ** 31 - 1

type WorkerStore = Pick<Store, 'listWorkers' | 'drainWorker' | 'workerGone' | 'unlockWorker'>

export function createWorkers(store: WorkerStore): Workers {
  return Object.freeze({
    list: async (options: Parameters<Workers['list']>[0] = {}) => {
      const { jobs = 100 } = readOptions(options, LIST_OPTIONS, 'workers.list')
      return explained(store.listWorkers(checkInteger(jobs, 'jobs', 0, MOST_JOBS)))
    },
    drain: async (worker: number, options: DrainOptions = {}) => {
      const { wait, signal } = readDrainOptions(options)
      if (!(await explained(store.drainWorker(checkWorker(worker))))) throw notFound(worker)
      if (wait) await explained(store.workerGone(worker, signal))
    },
    unlock: async (worker: number) => {
      const released = await explained(store.unlockWorker(checkWorker(worker)))
      if (released === undefined) throw notFound(worker)
      return { released }
    },
  })
}

function readDrainOptions(options: unknown): {
  readonly wait: boolean
  readonly signal: AbortSignal | undefined
} {
  const { wait = false, signal } = readOptions(options, DRAIN_OPTIONS, 'workers.drain')
  if (typeof wait !== 'boolean') throw invalid('wait', wait, 'must be true or false')
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw invalid('signal', signal, 'must be an AbortSignal')
  }
  return { wait, signal }
}

function checkWorker(worker: unknown): number {
  return checkInteger(worker, 'worker', 1, LARGEST_NUMBER)
}

function notFound(worker: number): KongTaskError {
  return new KongTaskError(
    'KT_WORKER_NOT_FOUND',
    `No process is registered as worker ${worker}: it has stopped, or was declared dead. kong.workers.list() has those that are.`,
  )
}
