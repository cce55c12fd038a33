import type { LastError } from '../core/job-line.ts'
import type { PlainObject } from '../core/plain-object.ts'

/** A job as it stands elsewhere, in words of ours: what is not checked yet. */
export interface ForeignJob {
  /** What it is called there, for people. */
  readonly id: string
  /** By what it is removed there: the values of its key. */
  readonly place: readonly string[]
  /** What tells it from all others that there ever were; undefined: nothing does. */
  readonly key: string | undefined
  /** What its task is called there. */
  readonly task: string
  /** What `--task` may call it beside that, more exactly. */
  readonly alias: string | undefined
  /** The queue that it is in there, as `--queue` may call it; undefined where it is in none. */
  readonly queue: string | undefined
  /** Where it goes without `--queue`; undefined: to the queue `default`. */
  readonly ownQueue: string | undefined
  /** JSON text. */
  readonly payload: string
  /** As `addJob` takes them. */
  readonly options: PlainObject
  readonly attempt: number
  readonly createdAt: unknown
  readonly error: LastError | undefined
  /** The id of the key that the payload is sealed with. */
  readonly encryptionKey?: string | undefined
  /** What has no counterpart here, each a sentence without a subject: `had the group "a"`. */
  readonly notes: readonly string[]
  /** Why it has to stay where it is. */
  readonly obstacle: string | undefined
}

/** A schedule, likewise. */
export interface ForeignSchedule {
  readonly place: readonly string[]
  /** What it is to be called here. */
  readonly name: string
  readonly task: string
  readonly alias: string | undefined
  readonly queue: string | undefined
  readonly ownQueue: string | undefined
  readonly expression: string
  /** For when there is a job of it already, which comes by itself. */
  readonly planned: Date | undefined
  readonly payload: string
  /** As `schedule` takes them: `tz`, `catchUp`, and the options of its jobs. */
  readonly options: PlainObject
  readonly notes: readonly string[]
  readonly obstacle: string | undefined
}
