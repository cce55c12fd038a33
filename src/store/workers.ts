import type { JsonObject } from '../core/json.ts'
import { isPlainObject } from '../core/plain-object.ts'
import { readWorkerMessage, type WorkerMessage } from '../core/worker-message.ts'
import type { Queryable } from './db.ts'
import {
  heartbeat as heartbeatStatement,
  registerWorker as registerStatement,
  rescueWorkers as rescueStatement,
  unregisterWorker as unregisterStatement,
} from './statements.generated.ts'
import { runStatement } from './statement.ts'

/** How the database knows this process. */
export interface Registration {
  readonly worker: number
  readonly nonce: string
}

export interface Heartbeat extends Registration {
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
}

export interface HeardMessage {
  readonly id: string
  /** Undefined for what this version does not know. */
  readonly message: WorkerMessage | undefined
}

export async function registerWorker(
  db: Queryable,
  schema: string,
  lease: number,
  info: JsonObject,
): Promise<Registration> {
  const [row] = await runStatement(db, schema, registerStatement, { lease, info: JSON.stringify(info) })
  if (row === undefined) throw new TypeError('register_worker returned no row')
  return row
}

/** Renews the lease, and reads what this process is to be told. */
export async function heartbeat(db: Queryable, schema: string, beat: Heartbeat): Promise<Beat> {
  const [row] = await runStatement(db, schema, heartbeatStatement, beat)
  const messages = Array.isArray(row?.messages) ? row.messages : []
  return { alive: row?.alive === true, messages: messages.map(heardMessage) }
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

/** Gives the jobs of processes whose lease ran out back to their lanes. Any process may do it at any time. */
export async function rescueWorkers(
  db: Queryable,
  schema: string,
): Promise<{ readonly workers: number; readonly jobs: number }> {
  const [row] = await runStatement(db, schema, rescueStatement, {})
  return row ?? { workers: 0, jobs: 0 }
}
