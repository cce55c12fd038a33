import type { Queryable } from '../store/db.ts'
import type { ServerState } from '../store/examine.ts'

/** A session of the checks' own, for as long as it is open. */
export interface Session extends Queryable, AsyncDisposable {
  /** What it has heard so far. */
  readonly heard: readonly string[]
}

/** What the checks examine. */
export interface Patient {
  /** Writes nothing: the server sees to that. */
  readonly db: Queryable
  readonly schema: string
  readonly server: ServerState
  /** Of the database's clock, ahead of ours; milliseconds. */
  readonly clockOffset: number
  /** Half of this may be error; milliseconds. */
  readonly latency: number
  /** Where runners listen. */
  readonly openSession: () => Promise<Session>
  /** A command line of `kongtask` for this database: `kongtask('work')`. */
  readonly kongtask: (line: string) => string
}
