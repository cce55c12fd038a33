import type { JobId } from './job.ts'

/** A process that works jobs, as `kong.workers.list()` shows it. */
export interface WorkerInfo {
  /** The number under which the database knows the process; a process that was declared dead gets another one. */
  readonly worker: number
  readonly host: string
  readonly pid: number
  /** Version of Node, such as `v20.19.0`. */
  readonly node: string
  readonly startedAt: Date
  readonly heartbeatAt: Date
  /** When it counts as dead, unless another heartbeat comes. */
  readonly leaseEndsAt: Date
  /** Its lease has run out, and nobody has declared it dead yet. */
  readonly isSilent: boolean
  /** It was told to stop: it claims no more and finishes what it has. */
  readonly isDraining: boolean
  readonly tasks: readonly string[]
  /** The queues that it serves with their concurrency; undefined where it serves all. */
  readonly queues: Readonly<Record<string, number>> | undefined
  /** Where it serves all queues: how many jobs it runs at once. */
  readonly concurrency: number | undefined
  /** Jobs with one of these flags it leaves alone; undefined where it decides anew before each claim. */
  readonly forbiddenFlags: readonly string[] | undefined
  /** What it has right now, in handlers or about to be, up to the limit. */
  readonly jobs: readonly HeldJob[]
}

/** A job that a process has. */
export interface HeldJob {
  readonly id: JobId
  readonly task: string
  readonly queue: string
  /** When it was claimed. */
  readonly since: Date
}
