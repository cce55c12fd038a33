// What `kongtask doctor` asks of a database. Nothing here writes, and nothing is judged.
import type { Queryable } from './db.ts'
import { runStatement, forSchema } from './statement.ts'
import {
  doctorIndexes,
  doctorListen,
  doctorNotify,
  doctorPrivileges,
  doctorServer,
  doctorSilentWorkers,
  doctorTables,
  doctorVacuumHolders,
  doctorWaitingTasks,
} from './statements.generated.ts'

/** A server, and what the role of the session may see of it. */
export interface ServerState {
  /** As 150004. */
  readonly version: number
  /** As people write it: 15.4. */
  readonly release: string
  readonly role: string
  readonly isStandby: boolean
  /** Transactions write nothing unless they ask to. */
  readonly isReadOnly: boolean
  readonly hasAutovacuum: boolean
  /** What autovacuum goes by is counted. */
  readonly isCounting: boolean
  /** What other roles' sessions are at is shown. */
  readonly seesAll: boolean
  /** The statement after which it is. */
  readonly seesHow: string
  readonly at: Date
}

export async function examineServer(db: Queryable, schema: string): Promise<ServerState> {
  const [row] = await runStatement(db, schema, doctorServer, {})
  if (row === undefined) throw new TypeError('doctor_server returned no row')
  const { standby, read_only, autovacuum, counts, sees_all, sees_how, ...rest } = row
  return {
    ...rest,
    isStandby: standby,
    isReadOnly: read_only,
    hasAutovacuum: autovacuum,
    isCounting: counts,
    seesAll: sees_all,
    seesHow: sees_how,
  }
}

/** What of a purpose of docs/access.md a role has and lacks. */
export interface Privileges {
  readonly purpose: string
  readonly granted: number
  readonly missing: readonly string[]
  /** The statement that gives it. */
  readonly remedy: string
}

export function examinePrivileges(db: Queryable, schema: string): Promise<readonly Privileges[]> {
  return runStatement(db, schema, doctorPrivileges, {})
}

/** An index that is not as it should be. */
export interface IndexFault {
  readonly name: string
  readonly fault: string
  readonly remedy: string
}

/** Only those that are missing or cannot be used. */
export function examineIndexes(db: Queryable, schema: string): Promise<readonly IndexFault[]> {
  return runStatement(db, schema, doctorIndexes, {})
}

/** A table that changes all the time; statements are what remedies it. */
export interface TableState {
  readonly name: string
  readonly live: number
  readonly dead: number
  /** With indexes, and what is stored out of line. */
  readonly bytes: number
  /** Bytes of the rows alone. */
  readonly heap: number
  /** So many dead rows call autovacuum. */
  readonly due: number
  readonly vacuumedAt: Date | undefined
  readonly isMinded: boolean
  readonly mind: string
  readonly vacuum: string
  readonly shrink: string
}

/** The largest first. */
export async function examineTables(db: Queryable, schema: string): Promise<readonly TableState[]> {
  const rows = await runStatement(db, schema, doctorTables, {})
  return rows.map(({ live, dead, bytes, heap, due, vacuumed_at, minded, ...rest }) => ({
    ...rest,
    live: Number(live),
    dead: Number(dead),
    bytes: Number(bytes),
    heap: Number(heap),
    due: Number(due),
    vacuumedAt: vacuumed_at ?? undefined,
    isMinded: minded,
  }))
}

/** Somebody who keeps vacuum from taking dead rows away. */
export interface VacuumHolder {
  readonly kind: string
  readonly name: string
  readonly pid: number | undefined
  /** Transactions since then. */
  readonly age: number
  /** Milliseconds; undefined where nobody knows. */
  readonly held: number | undefined
  readonly doing: string
  /** Of a standby. */
  readonly host: string | undefined
  /** The statement that ends it; of a slot in use one that only says who uses it. */
  readonly remedy: string
}

/** The oldest first. */
export async function examineVacuumHolders(db: Queryable, schema: string): Promise<readonly VacuumHolder[]> {
  const rows = await runStatement(db, schema, doctorVacuumHolders, {})
  return rows.map(({ pid, held, doing, host, ...rest }) => ({
    ...rest,
    pid: pid ?? undefined,
    held: held ?? undefined,
    doing: doing ?? '',
    host: host ?? undefined,
  }))
}

/** Jobs of a task that wait in a queue. */
export interface WaitingTask {
  readonly queue: string
  readonly task: string
  readonly jobs: number
}

/** @param scan jobs to look at, at either end of each queue */
export function examineWaitingTasks(
  db: Queryable,
  schema: string,
  scan: number,
): Promise<readonly WaitingTask[]> {
  return runStatement(db, schema, doctorWaitingTasks, { scan })
}

/** A process of which nothing was heard for longer than its lease. */
export interface SilentWorker {
  readonly worker: number
  readonly host: string
  readonly pid: string
  /** Milliseconds. */
  readonly silent: number
  /** The statement that declares it dead. */
  readonly unlock: string
}

export function examineSilentWorkers(db: Queryable, schema: string): Promise<readonly SilentWorker[]> {
  return runStatement(db, schema, doctorSilentWorkers, {})
}

/** Lets a session hear what `notifyDoctor` says. */
export async function listenForDoctor(db: Queryable, schema: string): Promise<void> {
  await db.query(forSchema(doctorListen.text, schema), [])
}

/** Says `token`, and answers which process of the server said it. */
export async function notifyDoctor(
  db: Queryable,
  schema: string,
  token: string,
): Promise<number | undefined> {
  return (await runStatement(db, schema, doctorNotify, { token }))[0]?.pid
}
