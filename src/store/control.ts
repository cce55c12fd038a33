import type { JsonObject } from '../core/json.ts'
import type { HeldJob, WorkerInfo } from '../core/worker-info.ts'
import { pause } from '../runtime/retry.ts'
import type { Queryable } from './db.ts'
import { recordOf } from './rows.ts'
import {
  drainWorker as drainStatement,
  isRegistered as isRegisteredStatement,
  listHeldJobs as listHeldStatement,
  listWorkers as listStatement,
  readClock as readClockStatement,
  unlockWorker as unlockStatement,
} from './statements.generated.ts'
import { runStatement } from './statement.ts'

/** Milliseconds between looks whether a process is still there. */
const LOOK_INTERVAL = 200

/** The processes, each with up to `mostJobs` of its jobs. */
export async function listWorkers(db: Queryable, schema: string, mostJobs: number): Promise<WorkerInfo[]> {
  const rows = await runStatement(db, schema, listStatement, {})
  const held = mostJobs === 0 ? [] : await runStatement(db, schema, listHeldStatement, { limit: mostJobs })
  const jobs = new Map<number, HeldJob[]>(rows.map(({ worker }) => [worker, []]))
  for (const { worker, id, task, queue, claimed_at: since } of held) {
    jobs.get(worker)?.push({ id, task, queue, since })
  }
  return rows.map((row) => ({
    worker: row.worker,
    ...processOf(row.info),
    startedAt: row.started_at,
    heartbeatAt: row.heartbeat_at,
    leaseEndsAt: row.expires_at,
    isSilent: row.silent,
    jobs: jobs.get(row.worker) ?? [],
  }))
}

/** What a process said of itself (aboutThisProcess in runner.ts); another version may have said less. */
function processOf(
  info: unknown,
): Omit<WorkerInfo, 'worker' | 'startedAt' | 'heartbeatAt' | 'leaseEndsAt' | 'isSilent' | 'jobs'> {
  const said = recordOf(info)
  const { host, pid, node, tasks, queues, concurrency, forbiddenFlags, draining } = said
  return {
    host: typeof host === 'string' ? host : '',
    pid: typeof pid === 'number' ? pid : 0,
    node: typeof node === 'string' ? node : '',
    isDraining: draining === true,
    tasks: Array.isArray(tasks) ? tasks.map(String) : [],
    queues: queues === null || queues === undefined ? undefined : numbersOf(recordOf(queues)),
    concurrency: typeof concurrency === 'number' ? concurrency : undefined,
    forbiddenFlags: Array.isArray(forbiddenFlags) ? forbiddenFlags.map(String) : undefined,
  }
}

function numbersOf(record: JsonObject): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, Number(value)]))
}

/** Tells a process to stop in good order. False where there is none of that number. */
export async function drainWorker(db: Queryable, schema: string, worker: number): Promise<boolean> {
  const [row] = await runStatement(db, schema, drainStatement, { worker })
  return row?.known === true
}

/**
 * Resolves when the process is no longer registered: it stopped, or was declared dead. Asks the database now and then.
 *
 * @throws the signal's reason where that aborts first
 */
export async function workerGone(
  db: Queryable,
  schema: string,
  worker: number,
  signal?: AbortSignal,
): Promise<void> {
  for (;;) {
    signal?.throwIfAborted()
    const [row] = await runStatement(db, schema, isRegisteredStatement, { worker })
    if (row?.registered !== true) return
    await pause(LOOK_INTERVAL, signal)
  }
}

/** Declares a process dead and gives its jobs back: how many. Undefined where there is none of that number. */
export async function unlockWorker(
  db: Queryable,
  schema: string,
  worker: number,
): Promise<number | undefined> {
  const [row] = await runStatement(db, schema, unlockStatement, { worker })
  return row?.released ?? undefined
}

/** What time it is for jobs, and how many processes live. */
export async function readClock(
  db: Queryable,
  schema: string,
): Promise<{ readonly at: Date; readonly workers: number }> {
  const [row] = await runStatement(db, schema, readClockStatement, {})
  if (row === undefined) throw new TypeError('read_clock returned no row')
  return row
}
