// How many jobs there are in which state, read from KongTask's tables. This is the only file of the example that looks
// at them: an application has no need to.
import type { Pool } from 'pg'

export interface TaskCounts {
  readonly task: string
  /** All that were committed. */
  readonly added: number
  readonly completed: number
  /** Failed attempts that were followed by another one. */
  readonly retried: number
  readonly dead: number
  /** In the live table: waiting or running. */
  readonly live: number
  readonly running: number
  /** Of the live ones, those that failed and wait to be tried again. */
  readonly waiting: number
}

const COUNTS = `
  with every as (
    select task_id, 'live' as place, worker <> 0 as running, coalesce(jsonb_array_length(errors), 0) as failures
      from kongtask.jobs
    union all
    select task_id, 'dead', false, jsonb_array_length(errors) - 1 from kongtask.dead_letters
    union all
    select task_id, case when completed then 'completed' else 'cancelled' end, false,
           coalesce(jsonb_array_length(errors), 0)
      from (select * from kongtask.history union all select * from kongtask.history_overflow) history
  )
  select t.name as task,
         count(*)::int as added,
         count(*) filter (where place = 'completed')::int as completed,
         coalesce(sum(failures), 0)::int as retried,
         count(*) filter (where place = 'dead')::int as dead,
         count(*) filter (where place = 'live')::int as live,
         count(*) filter (where running)::int as running,
         count(*) filter (where place = 'live' and not running and failures > 0)::int as waiting
    from every
    join kongtask.tasks t on t.id = every.task_id
   group by t.name
   order by min(t.id)`

export async function countJobs(pool: Pool): Promise<TaskCounts[]> {
  const { rows } = await pool.query<TaskCounts>(COUNTS)
  return rows
}

export function totalOf(counts: readonly TaskCounts[], count: Exclude<keyof TaskCounts, 'task'>): number {
  return counts.reduce((sum, task) => sum + task[count], 0)
}
