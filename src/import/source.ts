import type { Queryable } from '../store/db.ts'
import type { ForeignJob, ForeignSchedule } from './foreign-job.ts'

/** Where jobs come from: another system's tables. On every call the transaction is given in which it is to be done. */
export interface Source {
  /** `graphile-worker` */
  readonly name: string
  readonly schema: string
  /** @throws KT_IMPORT_SOURCE_NOT_FOUND, KT_IMPORT_SOURCE_VERSION */
  check(on: Queryable): Promise<void>
  countJobs(on: Queryable): Promise<ForeignCounts>
  /** Pages of jobs that wait, locked, in the order in which they would run. None is left where a page is empty. */
  takeJobs(on: Queryable, page: JobPage): Promise<TakenJobs>
  removeJobs(on: Queryable, jobs: readonly ForeignJob[]): Promise<void>
  /** All of them, locked. @param now by our database's clock */
  takeSchedules(on: Queryable, now: Date): Promise<readonly ForeignSchedule[]>
  removeSchedule(on: Queryable, schedule: ForeignSchedule): Promise<void>
  /** What cannot be read there at all, as sentences. */
  hints(on: Queryable): Promise<readonly string[]>
}

export interface ForeignCounts {
  readonly waiting: number
  readonly running: number
  /** Given up: no business of an import. */
  readonly over: number
}

export interface JobPage {
  /** By our database's clock: what is due then counts as due. */
  readonly since: Date
  /** `next` of the page before; undefined: the first. */
  readonly after: unknown
  readonly limit: number
  /** Bytes of payloads, the last of which may go beyond. */
  readonly mostText: number
}

export interface TakenJobs {
  readonly jobs: readonly ForeignJob[]
  readonly next: unknown
}
