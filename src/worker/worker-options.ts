import type { Events } from '../core/events.ts'
import type { PayloadCipher } from '../core/payload-cipher.ts'
import type { TaskEntry } from '../core/task-list.ts'
import type { Emitter } from '../runtime/emitter.ts'
import type { Store } from '../store/store.ts'
import type { ClaimBook } from './claim-book.ts'
import type { Lanes } from './claimer.ts'
import type { ForbiddenFlags } from './forbidden-flags.ts'
import type { ContextServices } from './job-context.ts'
import type { LeaseKeeper } from './lease-keeper.ts'

/** What a worker works with. */
export interface WorkerOptions {
  readonly store: Store
  readonly lanes: Lanes
  readonly lease: LeaseKeeper
  readonly book: ClaimBook
  /** By their numbers in this database. */
  readonly tasks: ReadonlyMap<number, TaskEntry>
  readonly queues: QueueNames
  /** Opens payloads that are sealed. */
  readonly cipher?: PayloadCipher | undefined
  readonly forbiddenFlags?: ForbiddenFlags | undefined
  readonly services: Omit<ContextServices, 'onProgress' | 'queueName' | 'verbs'>
  readonly events: Emitter<Events>
  /** An operator wants this process to stop in good order. */
  readonly onDrain: () => void
  /** Milliseconds that a handler has to end once its signal has aborted. @default 30 s */
  readonly stuckAfter?: number | undefined
  /** Milliseconds between looks for jobs without being told. */
  readonly pollInterval: number
  /** Monotonic milliseconds. */
  readonly now: () => number
}

/** The names of queues by their numbers; new ones may appear at any time. */
export interface QueueNames {
  has(queue: number): boolean
  name(queue: number): string
  refresh(): Promise<void>
}
