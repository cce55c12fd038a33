import type { TaskList } from '../core/task-list.ts'
import type { WorkingOptions } from '../runner/runner-options.ts'

/**
 * What `kongtask.config.ts` says. Everything may be left out; flags of the command line and environment variables
 * (`KONGTASK_…`) go before it, `DATABASE_URL` and `PG…` behind. Paths count from the folder of the file.
 */
export interface KongTaskConfig extends Omit<WorkingOptions, 'queues' | 'signal' | 'handleSignals'> {
  /** `postgres://user:password@host:5432/database`. @default `DATABASE_URL`, else what `PGHOST` and the like say */
  readonly connectionString?: string | undefined
  /** The folder of task files, or the tasks themselves. @default `tasks`, where there is such a folder */
  readonly tasks?: string | TaskList | undefined
  /** A file with the crontab. @default `crontab`, where there is such a file */
  readonly crontabFile?: string | undefined
  /**
   * Concurrency by queue, as `{ email: 10 }` or `{ email: { concurrency: 10 } }`; one without has the `concurrency` of the
   * whole. Only these are served. @default every queue, sharing `concurrency`
   */
  readonly queues?: Readonly<Record<string, number | QueueConfig>> | undefined
}

/** A queue that is served. */
export interface QueueConfig {
  /** Jobs at a time, 1 to 10000. @default the `concurrency` of the whole */
  readonly concurrency?: number | undefined
}

/**
 * Types the configuration; returns it as it is. It is checked when a command reads it, all of it at once.
 *
 * @example
 * export default defineConfig({ tasks: 'src/tasks', queues: { email: 10, default: 5 }, gracePeriod: '1m' })
 */
export function defineConfig(config: KongTaskConfig): KongTaskConfig {
  return config
}
