import type { KongTask } from '../client/client.ts'
import { catalogue } from '../core/error-catalogue.ts'
import type { Health } from '../core/health.ts'

/** One thing that `doctor` looked at. */
export interface Finding {
  readonly check: string
  readonly ok: boolean
  /** What was found, as a sentence. */
  readonly what: string
  /** Null where there is nothing to do. */
  readonly remedy: string | null
}

/** Milliseconds: beyond them times that people compare look wrong. */
const MOST_SKEW = 2_000

type Examined = Pick<KongTask, 'health' | 'tasks' | 'queues' | 'workers' | 'jobs'>

export async function findings(kong: Examined): Promise<readonly Finding[]> {
  const health = await kong.health()
  return [
    connection(health),
    ...(health.isReachable ? [tables(health)] : []),
    ...(health.ok ? [clock(health), workers(health), await tasks(kong), await queues(kong)] : []),
  ]
}

function connection({ isReachable, latency, problem }: Health): Finding {
  if (isReachable) return well('connection', `The database answers, in ${Math.round(latency ?? 0)} ms.`)
  return ill(
    'connection',
    problem ?? 'The database does not answer.',
    catalogue.KT_DATABASE_UNAVAILABLE.remedy,
  )
}

function tables({ isMigrated, problem }: Health): Finding {
  if (isMigrated) return well('tables', 'The tables are there, and up to date.')
  return ill('tables', problem ?? 'The tables are missing.', 'Run `kongtask migrate`.')
}

function clock({ clockOffset = 0 }: Health): Finding {
  const offset = Math.round(clockOffset)
  const what = `The clock of the database is ${Math.abs(offset)} ms ${offset < 0 ? 'behind' : 'ahead of'} that of this machine.`
  if (Math.abs(offset) <= MOST_SKEW) return well('clock', what)
  return ill('clock', what, 'Let NTP set both clocks. Jobs are due by that of the database.')
}

function workers({ workers: count }: Health): Finding {
  if (count > 0) return well('workers', `${count} ${count === 1 ? 'process works' : 'processes work'}.`)
  return ill('workers', 'Nobody works.', 'Start `kongtask work`, or `run` in a process of yours.')
}

/** Jobs that wait for code that no process has. */
async function tasks(kong: Examined): Promise<Finding> {
  const idle = (await kong.tasks.list()).filter((task) => task.workers === 0)
  const waiting: string[] = []
  for (const { name } of idle) {
    const { jobs } = await kong.jobs.list({ task: name, state: ['scheduled', 'ready'] }, { limit: 1 })
    if (jobs.length > 0) waiting.push(name)
  }
  if (waiting.length === 0)
    return well('tasks', 'Each task of which jobs wait is known to a process that works.')
  return ill(
    'tasks',
    `Jobs wait of tasks that no process performs: ${waiting.join(', ')}.`,
    'Deploy code that has these tasks, or cancel their jobs: `kongtask jobs cancel --task NAME`.',
  )
}

/** Queues in which jobs are due, and that nobody serves or somebody has paused. */
async function queues(kong: Examined): Promise<Finding> {
  const processes = (await kong.workers.list({ jobs: 0 })).filter(
    (each) => !each.isSilent && !each.isDraining,
  )
  const due = (await kong.queues.list({ countTo: 1 })).filter(({ ready }) => ready > 0)
  const paused = due.filter(({ pausedAt }) => pausedAt !== undefined).map(({ name }) => name)
  const unserved = due
    .map(({ name }) => name)
    .filter((name) => !processes.some((each) => each.queues === undefined || name in each.queues))
  if (paused.length === 0 && unserved.length === 0)
    return well('queues', 'Each queue in which jobs are due is served.')
  const what = [
    ...(unserved.length === 0 ? [] : [`no process serves ${unserved.join(', ')}`]),
    ...(paused.length === 0 ? [] : [`paused: ${paused.join(', ')}`]),
  ]
  return ill(
    'queues',
    `Jobs are due in queues, but ${what.join('; ')}.`,
    'Start `kongtask work --queues NAME` for those that nobody serves; `kongtask queues resume NAME` for paused ones.',
  )
}

function well(check: string, what: string): Finding {
  return { check, ok: true, what, remedy: null }
}

function ill(check: string, what: string, remedy: string): Finding {
  return { check, ok: false, what, remedy }
}
