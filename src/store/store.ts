// Front door of the only room that speaks SQL. It knows no policy: what to write is decided elsewhere. The one
// invariant: every write about a running job names the lease under which it is made.
import type { Job } from '../core/job.ts'
import type { JsonObject } from '../core/json.ts'
import type { AddedJob, NewJob, NewJobOptions } from '../core/new-job.ts'
import { claimJobs, type Claimed, type ClaimRequest } from './claim-jobs.ts'
import type { Database } from './database.ts'
import type { Queryable } from './db.ts'
import { dropExpiredDays, extendHistory, pruneOverflow, takeTurn } from './history.ts'
import { insertJobs } from './insert-jobs.ts'
import { checkSchema, migrate } from './migrate.ts'
import { publish, readQueueNames, type Names } from './publish.ts'
import { listDeadLetters, readJob } from './read-jobs.ts'
import { redrive, type Redriven } from './redrive.ts'
import { settleJobs, type Settled, type SettleRequest } from './settle-jobs.ts'
import { pruneUniqueKeys, type PrunedKeys, type UniqueKey } from './unique-keys.ts'
import {
  heartbeat,
  registerWorker,
  rescueWorkers,
  unregisterWorker,
  type Beat,
  type Heartbeat,
  type Registration,
} from './workers.ts'

/** The verbs of the database, bound to one schema of one database. */
export interface Store {
  migrate(): Promise<void>
  checkSchema(): Promise<void>
  /** On the given connection, else on one of the store's own. */
  insertJobs(jobs: readonly NewJob[], on?: Queryable): Promise<AddedJob[]>
  publish(
    tasks: Readonly<Record<string, NewJobOptions | null>>,
    queues: readonly string[] | null,
  ): Promise<Names>
  readQueueNames(): Promise<ReadonlyMap<number, string>>
  registerWorker(lease: number, info: JsonObject): Promise<Registration>
  heartbeat(beat: Heartbeat): Promise<Beat>
  unregisterWorker(registration: Registration): Promise<void>
  rescueWorkers(): Promise<{ readonly workers: number; readonly jobs: number }>
  claimJobs(request: ClaimRequest): Promise<Claimed>
  settleJobs(request: SettleRequest): Promise<Settled>
  readJob(id: string): Promise<Job | undefined>
  listDeadLetters(limit: number, after?: Job): Promise<Job[]>
  redrive(ids: readonly string[]): Promise<readonly Redriven[]>
  takeTurn(chore: string, every: number): Promise<boolean>
  extendHistory(): Promise<number>
  dropExpiredDays(): Promise<number>
  pruneOverflow(): Promise<{ readonly pruned: number; readonly more: boolean }>
  pruneUniqueKeys(after?: UniqueKey): Promise<PrunedKeys>
}

export function createStore(database: Database, schema: string): Store {
  return {
    migrate: () => migrate(database, schema),
    checkSchema: () => checkSchema(database, schema),
    insertJobs: (jobs, on = database) => insertJobs(on, schema, jobs),
    publish: (tasks, queues) => publish(database, schema, tasks, queues),
    readQueueNames: () => readQueueNames(database, schema),
    registerWorker: (lease, info) => registerWorker(database, schema, lease, info),
    heartbeat: (beat) => heartbeat(database, schema, beat),
    unregisterWorker: (registration) => unregisterWorker(database, schema, registration),
    rescueWorkers: () => rescueWorkers(database, schema),
    claimJobs: (request) => claimJobs(database, schema, request),
    settleJobs: (request) => settleJobs(database, schema, request),
    readJob: (id) => readJob(database, schema, id),
    listDeadLetters: (limit, after) => listDeadLetters(database, schema, limit, after),
    redrive: (ids) => redrive(database, schema, ids),
    takeTurn: (chore, interval) => takeTurn(database, schema, chore, interval),
    extendHistory: () => extendHistory(database, schema),
    dropExpiredDays: () => dropExpiredDays(database, schema),
    pruneOverflow: () => pruneOverflow(database, schema),
    pruneUniqueKeys: (after) => pruneUniqueKeys(database, schema, after),
  }
}
