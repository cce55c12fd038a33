// As much of the peers as is used here: they are installed only when they are measured, and the types that they bring
// are not there before.

declare module 'graphile-worker' {
  export interface WorkerOptions {
    readonly connectionString: string
    readonly concurrentJobs?: number
    readonly maxPoolSize?: number
    readonly localQueue?: { readonly size: number }
    readonly completeJobBatchDelay?: number
    readonly failJobBatchDelay?: number
  }
  export function run(options: {
    readonly preset: { readonly worker: WorkerOptions }
    readonly noHandleSignals: boolean
    readonly logger: Logger
    readonly taskList: Readonly<Record<string, (payload: unknown) => void | Promise<void>>>
  }): Promise<{ readonly stop: () => Promise<void> }>
  export function makeWorkerUtils(options: { readonly connectionString: string }): Promise<{
    readonly addJobs: (
      specs: readonly { readonly identifier: string; readonly payload: unknown }[],
    ) => Promise<unknown>
    readonly migrate: () => Promise<void>
    readonly release: () => Promise<unknown>
  }>
  export class Logger {
    constructor(factory: () => (level: string, message: string) => void)
    error(message: string): void
  }
}

declare module 'pg-boss' {
  export interface WorkOptions {
    readonly batchSize?: number
    readonly localConcurrency?: number
    readonly burstWhenBatchFull?: boolean
    readonly perJobResults?: boolean
    readonly pollingIntervalSeconds?: number
  }
  export interface Job {
    readonly id: string
    readonly data: unknown
  }
  export interface JobResult {
    readonly id: string
    readonly status: 'completed' | 'failed'
  }
  export class PgBoss {
    constructor(options: {
      readonly connectionString: string
      readonly useListenNotify?: boolean
      readonly superviseIntervalSeconds?: number
      readonly monitorIntervalSeconds?: number
    })
    on(event: 'error', listener: (error: Error) => void): this
    start(): Promise<unknown>
    stop(): Promise<void>
    createQueue(
      name: string,
      options?: {
        readonly notify?: boolean
        readonly partition?: boolean
        readonly heartbeatSeconds?: number
      },
    ): Promise<void>
    insert(name: string, jobs: readonly { readonly data: unknown }[]): Promise<unknown>
    work(
      name: string,
      options: WorkOptions,
      handler: (jobs: readonly Job[]) => Promise<unknown>,
    ): Promise<string>
    offWork(name: string): Promise<void>
  }
}

declare module 'bullmq' {
  import type { PoolClient } from 'pg'

  export type Backend = (...args: never[]) => unknown
  export type Connection = string | { readonly connectionString: string; readonly max: number }
  export interface RedisConnection {
    readonly host: string
    readonly port: number
  }
  export class Queue {
    constructor(
      name: string,
      options: { readonly connection: Connection | RedisConnection },
      backend?: Backend,
    )
    on(event: 'error', listener: (error: Error) => void): this
    waitUntilReady(): Promise<unknown>
    addBulk(
      jobs: readonly {
        readonly name: string
        readonly data: unknown
        readonly opts?: { readonly removeOnComplete: boolean }
      }[],
    ): Promise<unknown>
    getJobCounts(...states: readonly string[]): Promise<Readonly<Record<string, number>>>
    close(): Promise<void>
  }
  export class Worker {
    constructor(
      name: string,
      processor: (job: { readonly data: unknown }) => Promise<void>,
      options: {
        readonly connection: Connection | RedisConnection
        readonly concurrency?: number
        readonly removeOnComplete?: { readonly count: number }
      },
      backend?: Backend,
    )
    on(event: 'error', listener: (error: Error) => void): this
    waitUntilReady(): Promise<unknown>
    close(): Promise<void>
  }
  export const createPostgresBackend: Backend
  export function runMigrations(client: PoolClient): Promise<number>
}
