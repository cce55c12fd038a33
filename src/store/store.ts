// Front door of the only room that speaks SQL. It knows no policy: what to write is decided elsewhere. The one
// invariant: every write about a running job names the lease under which it is made.
import type { CheckedFilter } from '../core/job-filter.ts'
import type { FlowMark, TaskFlow } from '../core/flow.ts'
import type { Job } from '../core/job.ts'
import type { JobLog } from '../core/job-log.ts'
import type { Json, JsonObject } from '../core/json.ts'
import type { AddedJob, NewJob, NewJobOptions } from '../core/new-job.ts'
import type { QueueInfo, TaskInfo } from '../core/queue-info.ts'
import type { ScheduleChange, ScheduleTick } from '../core/schedule-info.ts'
import type { WorkerInfo } from '../core/worker-info.ts'
import { claimJobs, type Claimed, type ClaimRequest } from './claim-jobs.ts'
import { findChores, type Chores } from './chores.ts'
import {
  completeJob,
  concludeJobs,
  sweepCompletions,
  type ConcludeRequest,
  type Conclusion,
  type HeldJob,
} from './complete-job.ts'
import { drainWorker, listWorkers, readClock, unlockWorker, workerGone } from './control.ts'
import type { Database } from './database.ts'
import type { Queryable } from './db.ts'
import { explainJob, type JobStanding } from './explain.ts'
import {
  groupDeadLetters,
  listJobs,
  walkJobs,
  type DeadLetterGroups,
  type FoundIds,
  type FoundJobs,
  type Reach,
} from './find-jobs.ts'
import { readFlow, readFlowMark } from './flow.ts'
import { dropExpiredDays, extendDays, pruneOverflow, takeTurn } from './history.ts'
import { insertJobs } from './insert-jobs.ts'
import { checkSchema, migrate, planMigrations, type MigrationPlan } from './migrate.ts'
import { publish, readQueueNames, type Names } from './publish.ts'
import { operateJobs, type JobOrder, type JobVerb, type Operated } from './operate-jobs.ts'
import {
  limitQueue,
  listQueues,
  listTasks,
  parkJobs,
  pauseQueue,
  pauseTask,
  resumeQueue,
  resumeTask,
  unparkJobs,
  type NewQueueLimits,
} from './queues.ts'
import { readEnds, type JobEnd } from './read-ends.ts'
import { readJob } from './read-jobs.ts'
import {
  changeSchedule,
  createSchedule,
  declareSchedules,
  deleteSchedule,
  dueSchedules,
  fireSchedule,
  listScheduleChanges,
  listScheduleTicks,
  pauseSchedule,
  pruneSchedules,
  readSchedules,
  resealSchedule,
  resumeSchedule,
  runSchedule,
  type Declared,
  type DeclaredSchedule,
  type DueSchedules,
  type FiredTick,
  type FireOrder,
  type ScheduleDefinition,
  type StoredSchedule,
} from './schedules.ts'
import { settleJobs, type Settled, type SettleRequest } from './settle-jobs.ts'
import { liftGates, type Gate, type LiftedGates } from './limits.ts'
import { readLogs, storeLogs, type LoggedLine, type LogPage } from './logs.ts'
import { storeProgress, type ReportedProgress } from './progress.ts'
import {
  pruneRecords,
  readSteps,
  storeStep,
  type NewStep,
  type PrunedRecords,
  type StoredStep,
} from './steps.ts'
import { pruneUniqueKeys, type PrunedKeys, type UniqueKey } from './unique-keys.ts'
import {
  findAbsentWorkers,
  heartbeat,
  registerWorker,
  rescueAbsentWorkers,
  rescueWorkers,
  runAlone,
  unregisterWorker,
  type AbsentWorker,
  type Beat,
  type Heartbeat,
  type Registration,
  type Session,
} from './workers.ts'

/** The verbs of the database, bound to one schema of one database. */
export interface Store {
  migrate(signal?: AbortSignal): Promise<void>
  /** What that would do. */
  planMigrations(): Promise<MigrationPlan>
  checkSchema(): Promise<void>
  /** On the given connection, else on one of the store's own. */
  insertJobs(jobs: readonly NewJob[], on?: Queryable): Promise<AddedJob[]>
  publish(
    tasks: Readonly<Record<string, NewJobOptions | null>>,
    queues: readonly string[] | null,
  ): Promise<Names>
  readQueueNames(): Promise<ReadonlyMap<number, string>>
  registerWorker(lease: number, info: JsonObject, session?: Session): Promise<Registration>
  heartbeat(beat: Heartbeat): Promise<Beat>
  unregisterWorker(registration: Registration): Promise<void>
  runAlone(
    registration: Registration,
    job: { readonly id: string; readonly claim: number } | undefined,
  ): Promise<boolean>
  /** `self`: the worker that asks; without, an operator does. */
  rescueWorkers(self?: number): Promise<{ readonly workers: number; readonly jobs: number }>
  findAbsentWorkers(): Promise<readonly AbsentWorker[]>
  rescueAbsentWorkers(
    absent: readonly AbsentWorker[],
    self?: number,
  ): Promise<{ readonly workers: number; readonly jobs: number }>
  claimJobs(request: ClaimRequest): Promise<Claimed>
  settleJobs(request: SettleRequest): Promise<Settled>
  /** On a transaction of the handler's. */
  completeJob(
    job: HeldJob,
    how: { readonly result: Json | undefined; readonly idle: number },
    on: Queryable,
  ): Promise<void>
  concludeJobs(request: ConcludeRequest): Promise<ReadonlyMap<string, Conclusion>>
  sweepCompletions(): Promise<number>
  findChores(): Promise<Chores>
  readSteps(id: string): Promise<ReadonlyMap<string, StoredStep>>
  /** On a transaction of the handler's, else on a connection of the store's own. */
  storeStep(job: HeldJob, step: NewStep, on?: Queryable): Promise<number | undefined>
  pruneRecords(after?: string): Promise<PrunedRecords>
  storeProgress(reports: readonly ReportedProgress[]): Promise<void>
  storeLogs(lines: readonly LoggedLine[]): Promise<void>
  readLogs(job: string, page: LogPage): Promise<JobLog[]>
  readJob(id: string): Promise<Job | undefined>
  /** Of those that have ended, or are not there. */
  readEnds(ids: readonly string[]): Promise<ReadonlyMap<string, JobEnd>>
  /** Jobs that fit, newest first; `walkJobs` answers their ids only. */
  listJobs(filter: CheckedFilter, reach: Reach): Promise<FoundJobs>
  walkJobs(filter: CheckedFilter, reach: Reach): Promise<FoundIds>
  groupDeadLetters(filter: CheckedFilter, scan: number): Promise<DeadLetterGroups>
  operateJobs(verb: JobVerb, order: JobOrder): Promise<Operated[]>
  takeTurn(chore: string, every: number): Promise<boolean>
  extendDays(): Promise<number>
  dropExpiredDays(): Promise<number>
  pruneOverflow(): Promise<{ readonly pruned: number; readonly more: boolean }>
  pruneUniqueKeys(after?: UniqueKey): Promise<PrunedKeys>
  liftGates(after?: Gate): Promise<LiftedGates>
  listQueues(countTo: number): Promise<QueueInfo[]>
  limitQueue(name: string, limits: NewQueueLimits): Promise<void>
  pauseQueue(name: string): Promise<void>
  resumeQueue(name: string): Promise<boolean>
  listTasks(): Promise<TaskInfo[]>
  pauseTask(name: string): Promise<void>
  resumeTask(name: string): Promise<boolean>
  parkJobs(): Promise<{ readonly parked: number; readonly more: boolean }>
  unparkJobs(): Promise<number>
  listWorkers(mostJobs: number): Promise<WorkerInfo[]>
  drainWorker(worker: number): Promise<boolean>
  workerGone(worker: number, signal?: AbortSignal): Promise<void>
  unlockWorker(worker: number): Promise<number | undefined>
  explainJob(id: string): Promise<JobStanding[]>
  readClock(): Promise<{ readonly at: Date; readonly workers: number }>
  readFlowMark(): Promise<FlowMark>
  readFlow(before: FlowMark, now: FlowMark): Promise<readonly TaskFlow[]>
  dueSchedules(limit: number, except?: readonly string[]): Promise<DueSchedules>
  /** Those ticks that it was this call that fired. */
  fireSchedule(order: FireOrder): Promise<FiredTick[]>
  declareSchedules(
    application: string,
    generation: string,
    schedules: readonly DeclaredSchedule[],
    by: string,
  ): Promise<Declared[]>
  /** All, or the one of that name. */
  readSchedules(name?: string): Promise<StoredSchedule[]>
  resealSchedule(found: StoredSchedule, key: string, payload: string): Promise<boolean>
  createSchedule(name: string, definition: ScheduleDefinition, by: string | undefined): Promise<boolean>
  changeSchedule(
    found: StoredSchedule,
    changes: Partial<ScheduleDefinition>,
    by: string | undefined,
  ): Promise<boolean>
  pauseSchedule(name: string, by: string | undefined): Promise<boolean>
  resumeSchedule(found: StoredSchedule, next: Date | undefined, by: string | undefined): Promise<boolean>
  deleteSchedule(name: string, by: string | undefined): Promise<'deleted' | 'declared' | 'unknown'>
  runSchedule(name: string, by: string | undefined): Promise<AddedJob | undefined>
  listScheduleChanges(page: {
    readonly name?: string | undefined
    readonly before?: string | undefined
    readonly limit: number
  }): Promise<ScheduleChange[]>
  listScheduleTicks(name: string, limit: number): Promise<ScheduleTick[]>
  pruneSchedules(): Promise<boolean>
}

export function createStore(database: Database, schema: string): Store {
  return {
    migrate: (signal) => migrate(database, schema, { signal }),
    planMigrations: () => planMigrations(database, schema),
    checkSchema: () => checkSchema(database, schema),
    insertJobs: (jobs, on = database) => insertJobs(on, schema, jobs),
    publish: (tasks, queues) => publish(database, schema, tasks, queues),
    readQueueNames: () => readQueueNames(database, schema),
    registerWorker: (lease, info, session = null) => registerWorker(database, schema, lease, info, session),
    heartbeat: (beat) => heartbeat(database, schema, beat),
    unregisterWorker: (registration) => unregisterWorker(database, schema, registration),
    runAlone: (registration, job) => runAlone(database, schema, registration, job),
    rescueWorkers: (self) => rescueWorkers(database, schema, self),
    findAbsentWorkers: () => findAbsentWorkers(database, schema),
    rescueAbsentWorkers: (absent, self) => rescueAbsentWorkers(database, schema, absent, self),
    claimJobs: (request) => claimJobs(database, schema, request),
    settleJobs: (request) => settleJobs(database, schema, request),
    completeJob: (job, how, on) => completeJob(on, schema, job, how),
    concludeJobs: (request) => concludeJobs(database, schema, request),
    sweepCompletions: () => sweepCompletions(database, schema),
    findChores: () => findChores(database, schema),
    readSteps: (id) => readSteps(database, schema, id),
    storeStep: (job, step, on = database) => storeStep(on, schema, job, step),
    pruneRecords: (after) => pruneRecords(database, schema, after),
    storeProgress: (reports) => storeProgress(database, schema, reports),
    storeLogs: (lines) => storeLogs(database, schema, lines),
    readLogs: (job, page) => readLogs(database, schema, job, page),
    readJob: (id) => readJob(database, schema, id),
    readEnds: (ids) => readEnds(database, schema, ids),
    listJobs: (filter, reach) => listJobs(database, schema, filter, reach),
    walkJobs: (filter, reach) => walkJobs(database, schema, filter, reach),
    groupDeadLetters: (filter, scan) => groupDeadLetters(database, schema, filter, scan),
    operateJobs: (verb, order) => operateJobs(database, schema, verb, order),
    takeTurn: (chore, interval) => takeTurn(database, schema, chore, interval),
    extendDays: () => extendDays(database, schema),
    dropExpiredDays: () => dropExpiredDays(database, schema),
    pruneOverflow: () => pruneOverflow(database, schema),
    pruneUniqueKeys: (after) => pruneUniqueKeys(database, schema, after),
    liftGates: (after) => liftGates(database, schema, after),
    listQueues: (countTo) => listQueues(database, schema, countTo),
    limitQueue: (name, limits) => limitQueue(database, schema, name, limits),
    pauseQueue: (name) => pauseQueue(database, schema, name),
    resumeQueue: (name) => resumeQueue(database, schema, name),
    listTasks: () => listTasks(database, schema),
    pauseTask: (name) => pauseTask(database, schema, name),
    resumeTask: (name) => resumeTask(database, schema, name),
    parkJobs: () => parkJobs(database, schema),
    unparkJobs: () => unparkJobs(database, schema),
    listWorkers: (mostJobs) => listWorkers(database, schema, mostJobs),
    drainWorker: (worker) => drainWorker(database, schema, worker),
    workerGone: (worker, signal) => workerGone(database, schema, worker, signal),
    unlockWorker: (worker) => unlockWorker(database, schema, worker),
    explainJob: (id) => explainJob(database, schema, id),
    readClock: () => readClock(database, schema),
    readFlowMark: () => readFlowMark(database, schema),
    readFlow: (before, now) => readFlow(database, schema, before, now),
    dueSchedules: (limit, except = []) => dueSchedules(database, schema, limit, except),
    fireSchedule: (order) => fireSchedule(database, schema, order),
    declareSchedules: (application, generation, schedules, by) =>
      declareSchedules(database, schema, { application, generation, schedules, by }),
    readSchedules: (name) => readSchedules(database, schema, name),
    resealSchedule: (found, key, payload) => resealSchedule(database, schema, found, key, payload),
    createSchedule: (name, definition, by) => createSchedule(database, schema, name, definition, by),
    changeSchedule: (found, changes, by) => changeSchedule(database, schema, found, changes, by),
    pauseSchedule: (name, by) => pauseSchedule(database, schema, name, by),
    resumeSchedule: (found, next, by) => resumeSchedule(database, schema, found, next, by),
    deleteSchedule: (name, by) => deleteSchedule(database, schema, name, by),
    runSchedule: (name, by) => runSchedule(database, schema, name, by),
    listScheduleChanges: (page) => listScheduleChanges(database, schema, page),
    listScheduleTicks: (name, limit) => listScheduleTicks(database, schema, name, limit),
    pruneSchedules: () => pruneSchedules(database, schema),
  }
}
