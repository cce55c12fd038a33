import type { AbleWorkers, ReachedLimit, RunsOn } from '../core/explanation.ts'
import type { Job, JobError } from '../core/job.ts'
import type { Queryable } from './db.ts'
import { deferralsOf, errorsOf, extrasOf, recordOf, stateOf } from './rows.ts'
import { explainJob as statement } from './statements.generated.ts'
import { runStatement, type RowOf } from './statement.ts'

/** Everything that can keep a job from running, at one moment. What of it is the cause is not decided here. */
export interface JobStanding extends Pick<
  Job,
  | 'id'
  | 'state'
  | 'task'
  | 'queue'
  | 'attempt'
  | 'maxAttempts'
  | 'priority'
  | 'scheduledAt'
  | 'finishedAt'
  | 'serialKey'
  | 'flags'
  | 'snoozes'
  | 'version'
> {
  /** How often it was put off, since it last ran, because it takes newer code. */
  readonly deferrals: number
  /** Why it ended, or why it ends as cancelled instead of running again. */
  readonly reason: string | undefined
  /** Somebody cancelled it while it ran. */
  readonly isCancelled: boolean
  readonly lastError: JobError | undefined
  readonly queuePausedAt: Date | undefined
  readonly taskPausedAt: Date | undefined
  /** Another job has its serial key. */
  readonly isBehind: boolean
  readonly ahead: number | undefined
  readonly limit: ReachedLimit | undefined
  readonly runsOn: RunsOn | undefined
  readonly workers: AbleWorkers | undefined
}

/** The standing of a job, and of the one that has its serial key; empty where there is no such job. */
export async function explainJob(db: Queryable, schema: string, id: string): Promise<JobStanding[]> {
  const rows = await runStatement(db, schema, statement, { id })
  return rows.map(standingOf)
}

type Row = RowOf<typeof statement>

function standingOf(row: Row): JobStanding {
  const { serialKey, flags, snoozes, version } = extrasOf(row.id, row.extras)
  return {
    id: row.id,
    state: stateOf(row.state),
    task: row.task,
    queue: row.queue,
    attempt: row.attempt,
    maxAttempts: row.max_attempts,
    priority: row.priority,
    scheduledAt: row.run_at,
    finishedAt: row.finished_at ?? undefined,
    serialKey,
    flags,
    snoozes,
    version,
    deferrals: deferralsOf(row.extras),
    reason: row.reason ?? undefined,
    isCancelled: Object.hasOwn(recordOf(row.extras), 'cancelled'),
    lastError: row.last_error === null ? undefined : errorsOf([row.last_error])[0],
    queuePausedAt: row.queue_paused_at ?? undefined,
    taskPausedAt: row.task_paused_at ?? undefined,
    isBehind: row.holder !== null,
    ahead: row.ahead ?? undefined,
    limit: limitOf(row),
    runsOn: runsOnOf(row),
    workers: workersOf(row),
  }
}

/** The gate is called after what it counts and whose jobs: `concurrency:task:12`, `rate:key:crm`, `rate:queue`. */
function limitOf({ gate, gate_limit, gate_opens_at, task, queue }: Row): ReachedLimit | undefined {
  if (gate === null) return undefined
  const { limit, per } = recordOf(gate_limit)
  const [, of, key = ''] = /^\w+:(task|key|queue):?(.*)$/s.exec(gate) ?? []
  return {
    ...(of === 'key' ? { of, name: key } : of === 'task' ? { of, name: task } : { of: 'queue', name: queue }),
    limit: Number(limit),
    per: typeof per === 'number' ? per : undefined,
    opensAt: gate_opens_at ?? undefined,
  }
}

function runsOnOf(row: Row): RunsOn | undefined {
  if (row.worker === null) return undefined
  const { host, pid } = recordOf(row.worker_info)
  return {
    worker: row.worker,
    host: typeof host === 'string' ? host : undefined,
    pid: typeof pid === 'number' ? pid : undefined,
    since: row.claimed_at ?? undefined,
    heartbeatAt: row.heartbeat_at ?? undefined,
    leaseEndsAt: row.expires_at ?? undefined,
    isSilent: row.silent === true,
  }
}

function workersOf(row: Row): AbleWorkers | undefined {
  if (row.live === null) return undefined
  return {
    live: row.live,
    serveQueue: row.serving ?? 0,
    knowTask: row.knowing ?? 0,
    allowFlags: row.allowed ?? 0,
    slots: row.slots ?? 0,
    freeSlots: row.free ?? 0,
    busyWith: row.busy_with ?? [],
  }
}
