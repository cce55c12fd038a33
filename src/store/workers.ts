import type { JsonObject } from '../core/json.ts'
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

/** Renews the lease; false where this process was declared dead meanwhile. */
export async function heartbeat(db: Queryable, schema: string, beat: Heartbeat): Promise<boolean> {
  const [row] = await runStatement(db, schema, heartbeatStatement, beat)
  return row?.alive === true
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
