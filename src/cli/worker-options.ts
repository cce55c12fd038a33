import type { Duration } from '../core/duration.ts'
import type { Logger } from '../core/logger.ts'
import type { TaskList } from '../core/task-list.ts'
import type { Project } from '../project/read-project.ts'
import type { RunnerOptions } from '../runner/runner-options.ts'

export interface WorkerRequest {
  readonly project: Project
  readonly connectionString: string
  readonly tasks: TaskList
  /** Used where the project has none of its own. */
  readonly logger: Logger | undefined
  readonly signal: AbortSignal
  /** Where the project has none. */
  readonly gracePeriod?: Duration | undefined
}

const CONCURRENCY = 10

/** What is configured, as the options of a runner. */
export function workerOptions({
  project,
  connectionString,
  tasks,
  logger,
  signal,
  gracePeriod,
}: WorkerRequest): RunnerOptions {
  const { connectionString: _configured, tasks: _folder, queues, ...settings } = project.settings
  const { concurrency = CONCURRENCY } = settings
  return {
    ...settings,
    gracePeriod: settings.gracePeriod ?? gracePeriod,
    logger: settings.logger ?? logger,
    queues:
      queues === undefined
        ? undefined
        : Object.fromEntries(Object.entries(queues).map(([name, own]) => [name, own ?? concurrency])),
    connectionString,
    tasks,
    signal,
  }
}
