// The public surface: named exports, nothing else.
export type { AddJob, AddJobs, JobAdder } from './core/add-job.ts'
export type { Duration } from './core/duration.ts'
export type { ErrorCode } from './core/error-catalogue.ts'
export { handle, type HandledTask, type Handler, type TaskObject } from './core/handler.ts'
export { newJob, type NewJobSpec } from './core/job-entry.ts'
export type { JobContext } from './core/job-context.ts'
export type { JobOptions } from './core/job-options.ts'
export type { Job, JobError, JobId, JobState } from './core/job.ts'
export type { Json, JsonArray, JsonObject, JsonPrimitive } from './core/json.ts'
export type { JsonOf, NotJson } from './core/json-of.ts'
export type { LogFields, Logger } from './core/logger.ts'
export type { AddedJob } from './core/new-job.ts'
export type { PooledSqlClient, SqlClient, SqlPool } from './core/sql-pool.ts'
export {
  asTransaction,
  type OwnTransaction,
  type TransactionLike,
  type TransactionQuery,
  type TransactionRows,
} from './core/transaction.ts'
export type { TaskFunction, TaskList, TaskRecord } from './core/task-list.ts'
export type { TaskDefaults, TaskOptions } from './core/task-options.ts'
export {
  defineTask,
  type AnyTask,
  type InputOf,
  type OpenTask,
  type OutputOf,
  type Task,
} from './core/task.ts'
export { KongTask } from './client/client.ts'
export type { KongTaskOptions } from './client/client-options.ts'
export type { DeadLetters } from './client/dead-letters.ts'
export type { Jobs } from './client/jobs.ts'
export { exponential, fixed, polynomial, type BackoffPolicy } from './core/retry-policy.ts'
export {
  JobCancelledError,
  JobTimeoutError,
  KongTaskError,
  LeaseLostError,
  ShutdownError,
} from './core/errors.ts'
export { PermanentError, RetryableError } from './core/handler-errors.ts'
export { cancel, snooze, type Cancel, type Snooze } from './core/verdict.ts'
export { run, type Runner } from './runner/runner.ts'
export type { RunnerOptions, WorkingOptions } from './runner/runner-options.ts'
export {
  runTaskList,
  runTaskListOnce,
  type TaskListOptions,
  type WorkerPool,
} from './runner/run-task-list.ts'
export type { Events, JobFacts } from './core/events.ts'
export type { Settlement } from './core/settlement.ts'
