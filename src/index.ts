// The public surface: named exports, nothing else.
export type { AddedCounts, AddJob, AddJobs, JobAdder, StreamOptions } from './core/add-job.ts'
export type { BulkOptions, BulkResult } from './core/bulk.ts'
export {
  done,
  failed,
  handleChunk,
  type ChunkAnswer,
  type ChunkContext,
  type ChunkHandler,
  type ChunkJob,
  type ChunkOptions,
  type ChunkOutcome,
} from './core/chunk.ts'
export type { Duration } from './core/duration.ts'
export type { ErrorCode } from './core/error-catalogue.ts'
export type {
  AbleWorkers,
  Cause,
  Explanation,
  ExplanationData,
  ReachedLimit,
  RunsOn,
} from './core/explanation.ts'
export type { Flow, FlowMark, TaskFlow } from './core/flow.ts'
export { handle, type HandledTask, type Handler, type TaskObject } from './core/handler.ts'
export type { Health } from './core/health.ts'
export { newJob, type NewJobSpec } from './core/job-entry.ts'
export type { JobContext } from './core/job-context.ts'
export type { JobOptions } from './core/job-options.ts'
export type { DeadLetterGroup } from './core/dead-letter-group.ts'
export type { DeadLetterFilter, JobFilter, TimeRange } from './core/job-filter.ts'
export type { Cursor, JobPage, PageOptions } from './core/job-page.ts'
export type { JobLog, LogLevel } from './core/job-log.ts'
export type { Job, JobError, JobId, JobProgress, JobState } from './core/job.ts'
export type { CatchUp } from './core/catch-up.ts'
export { parseCrontab } from './core/crontab.ts'
export { CrontabError, type CrontabFlaw } from './core/crontab-error.ts'
export { schedule, type ScheduleSpec, type TaskSchedule } from './core/schedule.ts'
export type { JobSchedule, ScheduleChange, ScheduleInfo, ScheduleTick } from './core/schedule-info.ts'
export type { Acting, ScheduleOptions } from './core/schedule-options.ts'
export type { Json, JsonArray, JsonObject, JsonPrimitive } from './core/json.ts'
export type { JsonOf, NotJson } from './core/json-of.ts'
export type {
  Concurrency,
  JobConcurrency,
  JobRateLimit,
  LimitScope,
  QueueRate,
  Rate,
  RateLimit,
} from './core/limits.ts'
export type { LogFields, Logger } from './core/logger.ts'
export type { AddedJob } from './core/new-job.ts'
export type { QueueInfo, TaskInfo } from './core/queue-info.ts'
export type { JobRetention, Retention } from './core/retention.ts'
export type { SealedPayload } from './core/payload-cipher.ts'
export type { Upcast } from './core/payload-version.ts'
export type { PooledSqlClient, SqlClient, SqlPool } from './core/sql-pool.ts'
export {
  asTransaction,
  type OwnTransaction,
  type TransactionLike,
  type TransactionQuery,
  type TransactionRows,
} from './core/transaction.ts'
export type { KnownTasks, TaskFunction, TaskList, TaskRecord } from './core/task-list.ts'
export type { TaskDefaults, TaskOptions } from './core/task-options.ts'
export {
  defineTask,
  type AnyTask,
  type InputOf,
  type OpenTask,
  type OutputOf,
  type Task,
  type VersionOptions,
} from './core/task.ts'
export type { HeldJob, WorkerInfo } from './core/worker-info.ts'
export type { Sleep, Step, StepOptions } from './core/step-options.ts'
export { KongTask } from './client/client.ts'
export type { KongTaskOptions } from './client/client-options.ts'
export type {
  CheckedTask,
  CheckPayloadsOptions,
  PayloadCheck,
  PayloadFailure,
} from './client/check-payloads.ts'
export type { DeadLetters, DeadLetterSummary, PurgeOptions, RedriveOptions } from './client/dead-letters.ts'
export type { JobResult, ResultOptions } from './client/job-result.ts'
export type { JobLogOptions, JobLogs } from './client/job-logs.ts'
export type { CancelOptions, Jobs, Schedule } from './client/jobs.ts'
export type { QueueLimits, Queues } from './client/queues.ts'
export type { ChangesOptions, PreviewOptions, ScheduleChanges, Schedules } from './client/schedules.ts'
export type { ResealedSchedules } from './client/resealed-schedules.ts'
export type { Tasks } from './client/tasks.ts'
export type { DrainOptions, Workers } from './client/workers.ts'
export type { MigrationName, MigrationPlan, PendingMigration } from './store/migrate.ts'
export type { EncryptionKey, EncryptionOptions } from './encryption/payload-keys.ts'
export type { Middleware } from './core/middleware.ts'
export {
  exponential,
  fixed,
  polynomial,
  type AttemptBackoff,
  type BackoffFailure,
  type BackoffPolicy,
} from './core/retry-policy.ts'
export {
  JobCancelledError,
  JobTimeoutError,
  KongTaskError,
  LeaseLostError,
  ShutdownError,
} from './core/errors.ts'
export { PermanentError, RetryableError, type RetryableErrorOptions } from './core/handler-errors.ts'
export { cancel, snooze, type Cancel, type Snooze } from './core/verdict.ts'
export { run, type Runner } from './runner/runner.ts'
export type { RunnerOptions, WorkingOptions } from './runner/runner-options.ts'
export { defineConfig, type KongTaskConfig, type QueueConfig } from './project/config.ts'
export {
  runTaskList,
  runTaskListOnce,
  type TaskListOptions,
  type WorkerPool,
} from './runner/run-task-list.ts'
export type { EventName, Events, JobFacts } from './core/events.ts'
export type { EventsOptions, RunnerEvents } from './runner/events-options.ts'
export type { Retry, Settlement } from './core/settlement.ts'
