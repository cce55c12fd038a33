import type { JsonObject } from '../core/json.ts'
import { isPlainObject } from '../core/plain-object.ts'
import { readWorkerMessage, type WorkerMessage } from '../core/worker-message.ts'
import type { Queryable } from './db.ts'
import {
  findAbsentWorkers as findAbsentStatement,
  heartbeat as heartbeatStatement,
  registerWorker as registerStatement,
  rescueAbsentWorkers as rescueAbsentStatement,
  rescueWorkers as rescueStatement,
  runAlone as runAloneStatement,
  thisSession as thisSessionStatement,
  unregisterWorker as unregisterStatement,
} from './statements.generated.ts'
import { runStatement } from './statement.ts'

/** How the database knows this process. */
export interface Registration {
  readonly worker: number
  readonly nonce: string
}

/**
 * A session of the database's, in its own words: as long as it lasts, its process is there. Null: only heartbeats say so.
 */
export type Session = string | null

/** A process whose session is gone, and the heartbeat that was its last by then. */
export interface AbsentWorker {
  readonly worker: number
  readonly heartbeat: string
}

export interface Heartbeat extends Registration {
  /** @default null */
  readonly session?: Session
  /** Whether it goes over a connection of this process's own, and not a pooler's. @default false */
  readonly isDirect?: boolean
  /** Milliseconds. */
  readonly lease: number
  /** The claims of which this process holds jobs, or whose answer it awaits. */
  readonly known: readonly number[]
  /** No claim at or above this number was sent before the heartbeat. */
  readonly before: number
  /** The messages that were read: these may go. */
  readonly heard: readonly string[]
}

/** What a heartbeat comes to. */
export interface Beat {
  /** False: this process was declared dead meanwhile. */
  readonly alive: boolean
  /** In the order in which they were said. */
  readonly messages: readonly HeardMessage[]
  /** Whether there are others to rescue. */
  readonly others: DeadOthers
  /** Whether the session that it named is there. */
  readonly isSeen: boolean
}

/** Whether some process has fallen silent (`rescue`), or its session is gone (`absent`). */
export interface DeadOthers {
  readonly rescue: boolean
  readonly absent: boolean
}

export interface HeardMessage {
  readonly id: string
  /** Undefined for what this version does not know. */
  readonly message: WorkerMessage | undefined
}

/** The session of this very connection, and the server's process that it is one with. */
export async function readSession(
  db: Queryable,
  schema: string,
): Promise<{ readonly pid: number; readonly session: string } | undefined> {
  const [row] = await runStatement(db, schema, thisSessionStatement, {})
  return row
}

export async function registerWorker(
  db: Queryable,
  schema: string,
  lease: number,
  info: JsonObject,
  session: Session,
): Promise<Registration> {
  const values = { lease, info: JSON.stringify(info), session }
  const [row] = await runStatement(db, schema, registerStatement, values)
  if (row === undefined) throw new TypeError('register_worker returned no row')
  return row
}

/** Renews the lease, and reads what this process is to be told. */
export async function heartbeat(db: Queryable, schema: string, beat: Heartbeat): Promise<Beat> {
  const { session = null, isDirect = false, ...rest } = beat
  const values = { ...rest, session, is_direct: isDirect }
  const [row] = await runStatement(db, schema, heartbeatStatement, values)
  const messages = Array.isArray(row?.messages) ? row.messages : []
  const others = { rescue: row?.rescue === true, absent: row?.absent === true }
  const isSeen = row?.seen === true
  return { alive: row?.alive === true, messages: messages.map(heardMessage), others, isSeen }
}

function heardMessage(value: unknown): HeardMessage {
  if (!isPlainObject(value)) throw new TypeError('heartbeat answered with a message that is no object')
  return { id: String(value['id']), message: readWorkerMessage(value['body']) }
}

export async function unregisterWorker(
  db: Queryable,
  schema: string,
  registration: Registration,
): Promise<void> {
  await runStatement(db, schema, unregisterStatement, registration)
}

/**
 * Says that from now on a process runs this job and no other: if it dies with it, the job goes to the dead letters. Without a job: none
 * any more. False: this process was declared dead.
 */
export async function runAlone(
  db: Queryable,
  schema: string,
  registration: Registration,
  job: { readonly id: string; readonly claim: number } | undefined,
): Promise<boolean> {
  const values = { ...registration, job: job?.id ?? null, claim: job?.claim ?? null }
  const [row] = await runStatement(db, schema, runAloneStatement, values)
  return row?.alive === true
}

/**
 * Gives the jobs of processes whose lease ran out back to their lanes. Any process may do it at any time, and says by which worker it
 * is: after an outage nobody is judged before all had time to come back. Undefined: an operator, who knows.
 */
export async function rescueWorkers(
  db: Queryable,
  schema: string,
  self: number | undefined,
): Promise<{ readonly workers: number; readonly jobs: number }> {
  const [row] = await runStatement(db, schema, rescueStatement, { self: self ?? null })
  return row ?? { workers: 0, jobs: 0 }
}

/** Processes whose session is gone. They may have lost nothing but that connection, and then say so in a moment. */
export function findAbsentWorkers(db: Queryable, schema: string): Promise<readonly AbsentWorker[]> {
  return runStatement(db, schema, findAbsentStatement, {})
}

/** Gives the jobs of those back that are still absent and have not been heard since. `self`: as for `rescueWorkers`. */
export async function rescueAbsentWorkers(
  db: Queryable,
  schema: string,
  absent: readonly AbsentWorker[],
  self: number | undefined,
): Promise<{ readonly workers: number; readonly jobs: number }> {
  const [row] = await runStatement(db, schema, rescueAbsentStatement, {
    workers: absent.map(({ worker }) => worker),
    heartbeats: absent.map(({ heartbeat: last }) => last),
    self: self ?? null,
  })
  return row ?? { workers: 0, jobs: 0 }
}
