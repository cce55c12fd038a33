// What drain, steady and mixed need of a system: the least that every one of them has.

/** Each job is known by its number. */
export interface NumberedPayload {
  readonly n: number
}

export interface Lane {
  readonly queue: string
  /** Handlers at once; left to the system's configuration where it is not given. */
  readonly concurrency?: number
  readonly handler: (payload: unknown) => void | Promise<void>
}

/** One system on an empty store of its own, in one of its configurations. */
export interface JobSystem {
  /** Adds jobs in one call, the way that the system has for many. */
  add(queue: string, payloads: readonly NumberedPayload[]): Promise<unknown>
  /** Tidies up after a large load, as a server does by itself if it is given time; undefined where there is nothing. */
  readonly settleDown?: () => Promise<unknown>
  /** Begins to work in this process, and resolves when it does. */
  work(lanes: readonly Lane[]): Promise<Working>
  /** Whether the store has it that all jobs of the queue are done. */
  isEmpty(queue: string): Promise<boolean>
  close(): Promise<void>
}

export interface Working {
  /** Waits for the handlers that run, and until the store has what became of them. */
  stop(): Promise<void>
}

export type Configuration = 'default' | 'tuned'

export interface OpenOptions {
  /** A connection string of PostgreSQL, or of Redis (bullmq-redis). */
  readonly connectionString: string
  readonly configuration: Configuration
  readonly queues: readonly string[]
  /** Whether to begin with an empty store; a second process joins what the first has made. */
  readonly isFirst: boolean
}

export function payloadsOf(from: number, count: number): NumberedPayload[] {
  return Array.from({ length: count }, (_, index) => ({ n: from + index }))
}
