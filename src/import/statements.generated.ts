// Written by `npm run embed-sql` from sql/. Do not edit.
import type { Statement } from '../store/statement.ts'

export const bullmqCountJobs: Statement<
  Record<never, never>,
  { readonly waiting: string; readonly running: string; readonly over: string }
> = {
  name: "bullmq_count_jobs",
  text: "select count(*) filter (where j.state = 'waiting' or j.state = 'waiting-children'\n                           or j.state = 'delayed' and s.scheduler_id is null) as waiting,\n       count(*) filter (where j.state = 'active') as running,\n       count(*) filter (where j.state = 'failed') as over\n  from bullmq.job j\n  left join bullmq.scheduler s\n    on s.queue = j.queue and j.id = 'repeat:' || s.scheduler_id || ':' || s.next_run_ms",
  parameters: [],
  columns: [["waiting","int8"],["running","int8"],["over","int8"]],
}

export const bullmqRemoveJobs: Statement<
  { readonly queues: readonly (string | null)[]; readonly ids: readonly (string | null)[] },
  Record<never, never>
> = {
  name: "bullmq_remove_jobs",
  text: "with gone as (\n  delete from bullmq.job j\n   using unnest($1::text[], $2::text[]) as moved (queue, id)\n   where j.queue = moved.queue and j.id = moved.id\n  returning j.queue, j.id, j.dedup_id\n)\ndelete from bullmq.dedup d\n using gone\n where d.queue = gone.queue and d.dedup_id = gone.dedup_id and d.job_id = gone.id",
  parameters: [["queues","text[]"],["ids","text[]"]],
  columns: [],
}

export const bullmqRemoveSchedule: Statement<
  { readonly queue: string; readonly scheduler_id: string },
  Record<never, never>
> = {
  name: "bullmq_remove_schedule",
  text: "delete from bullmq.scheduler s\n where s.queue = $1::text and s.scheduler_id = $2::text",
  parameters: [["queue","text"],["scheduler_id","text"]],
  columns: [],
}

export const bullmqTakeJobs: Statement<
  { readonly since_ms: string; readonly after_due_ms: string | null; readonly after_priority: number | null; readonly after_seq: string | null; readonly after_queue: string | null; readonly limit: number; readonly most_text: number },
  { readonly queue: string; readonly id: string; readonly seq: string; readonly name: string; readonly state: string; readonly data: string; readonly opts: unknown; readonly priority: number; readonly max_attempts: number; readonly attempts_made: number; readonly failed_reason: string | null; readonly added_at_ms: string; readonly process_at_ms: string | null; readonly processed_at_ms: string | null; readonly dedup_id: string | null; readonly dedup_until_ms: string | null; readonly is_child: boolean; readonly due_ms: string }
> = {
  name: "bullmq_take_jobs",
  text: "with page as materialized (\n  select j.queue, j.id, j.seq, j.name, j.state::text as state, j.data::text as data, j.opts, j.priority, j.max_attempts,\n         j.attempts_made, j.failed_reason, j.added_at_ms, j.process_at_ms, j.processed_at_ms, j.dedup_id,\n         d.expire_at_ms as dedup_until_ms, j.parent_id is not null as is_child, due.ms as due_ms\n    from bullmq.job j\n   cross join lateral (\n          select case when j.state = 'delayed' then greatest(j.process_at_ms, $1::int8) else $1::int8 end) as due (ms)\n    left join bullmq.dedup d on d.queue = j.queue and d.dedup_id = j.dedup_id and d.job_id = j.id\n   where j.state in ('waiting', 'delayed', 'waiting-children')\n     and not (j.state = 'delayed' and exists (\n                select from bullmq.scheduler s\n                 where s.queue = j.queue and j.id = 'repeat:' || s.scheduler_id || ':' || s.next_run_ms))\n     and ($2::int8 is null\n          or (due.ms, j.priority, j.seq, j.queue) > ($2::int8, $3::int4, $4::int8, $5::text))\n   order by due.ms, j.priority, j.seq, j.queue\n   limit $6::int4\n     for update of j skip locked\n)\nselect p.queue, p.id, p.seq, p.name, p.state, p.data, p.opts, p.priority, p.max_attempts, p.attempts_made, p.failed_reason,\n       p.added_at_ms, p.process_at_ms, p.processed_at_ms, p.dedup_id, p.dedup_until_ms, p.is_child, p.due_ms\n  from (select page.*,\n               coalesce(sum(octet_length(page.data)) over (\n                 order by page.due_ms, page.priority, page.seq, page.queue\n                 rows between unbounded preceding and 1 preceding), 0) as text_before\n          from page) as p\n where p.text_before < $7::int4\n order by p.due_ms, p.priority, p.seq, p.queue",
  parameters: [["since_ms","int8"],["after_due_ms","int8"],["after_priority","int4"],["after_seq","int8"],["after_queue","text"],["limit","int4"],["most_text","int4"]],
  columns: [["queue","text"],["id","text"],["seq","int8"],["name","text"],["state","text"],["data","text"],["opts","jsonb"],["priority","int4"],["max_attempts","int4"],["attempts_made","int4"],["failed_reason","text"],["added_at_ms","int8"],["process_at_ms","int8"],["processed_at_ms","int8"],["dedup_id","text"],["dedup_until_ms","int8"],["is_child","bool"],["due_ms","int8"]],
}

export const bullmqTakeSchedules: Statement<
  Record<never, never>,
  { readonly queue: string; readonly scheduler_id: string; readonly name: string | null; readonly pattern: string | null; readonly every_ms: string | null; readonly tz: string | null; readonly start_date_ms: string | null; readonly end_date_ms: string | null; readonly limit_count: number | null; readonly template_data: string | null; readonly template_opts: unknown | null; readonly next_run_ms: string | null; readonly is_planned: boolean }
> = {
  name: "bullmq_take_schedules",
  text: "select s.queue, s.scheduler_id, s.name, s.pattern, s.every_ms, s.tz, s.start_date_ms, s.end_date_ms, s.limit_count,\n       s.template_data::text as template_data, s.template_opts, s.next_run_ms,\n       exists (select from bullmq.job j\n                where j.queue = s.queue and j.id = 'repeat:' || s.scheduler_id || ':' || s.next_run_ms) as is_planned\n  from bullmq.scheduler s\n order by s.queue, s.scheduler_id\n   for update of s",
  parameters: [],
  columns: [["queue","text"],["scheduler_id","text"],["name","text"],["pattern","text"],["every_ms","int8"],["tz","text"],["start_date_ms","int8"],["end_date_ms","int8"],["limit_count","int4"],["template_data","text"],["template_opts","jsonb"],["next_run_ms","int8"],["is_planned","bool"]],
}

export const bullmqVersion: Statement<
  Record<never, never>,
  { readonly version: number }
> = {
  name: "bullmq_version",
  text: "select coalesce(max(m.version), 0)::int4 as version from bullmq.migration m",
  parameters: [],
  columns: [["version","int4"]],
}

export const graphileWorkerCountJobs: Statement<
  Record<never, never>,
  { readonly waiting: string; readonly running: string; readonly over: string }
> = {
  name: "graphile_worker_count_jobs",
  text: "select count(*) filter (where j.is_available) as waiting,\n       count(*) filter (where j.locked_at is not null) as running,\n       count(*) filter (where j.locked_at is null and not j.is_available) as over\n  from graphile_worker._private_jobs j",
  parameters: [],
  columns: [["waiting","int8"],["running","int8"],["over","int8"]],
}

export const graphileWorkerListCrontabs: Statement<
  Record<never, never>,
  { readonly identifier: string }
> = {
  name: "graphile_worker_list_crontabs",
  text: "select k.identifier from graphile_worker._private_known_crontabs k order by k.identifier",
  parameters: [],
  columns: [["identifier","text"]],
}

export const graphileWorkerRemoveJobs: Statement<
  { readonly ids: readonly string[] },
  Record<never, never>
> = {
  name: "graphile_worker_remove_jobs",
  text: "delete from graphile_worker._private_jobs j where j.id = any ($1::int8[])",
  parameters: [["ids","int8[]"]],
  columns: [],
}

export const graphileWorkerTakeJobs: Statement<
  { readonly since: Date; readonly after_due: string | null; readonly after_priority: number | null; readonly after_run_at: string | null; readonly after_id: string | null; readonly limit: number; readonly most_text: number },
  { readonly id: string; readonly task: string; readonly queue: string | null; readonly payload: string; readonly priority: number; readonly run_at: Date; readonly attempts: number; readonly max_attempts: number; readonly last_error: string | null; readonly created_at: Date; readonly updated_at: Date; readonly key: string | null; readonly flags: unknown | null; readonly due: string; readonly run_at_text: string }
> = {
  name: "graphile_worker_take_jobs",
  text: "with page as materialized (\n  select j.id, t.identifier as task, q.queue_name as queue, j.payload::text as payload, j.priority, j.run_at, j.attempts,\n         j.max_attempts, j.last_error, j.created_at, j.updated_at, j.key, j.flags,\n         greatest(j.run_at, $1::timestamptz) as due_at\n    from graphile_worker._private_jobs j\n    join graphile_worker._private_tasks t on t.id = j.task_id\n    left join graphile_worker._private_job_queues q on q.id = j.job_queue_id\n   where j.is_available and (q.id is null or q.is_available)\n     and ($2::text is null\n          or (greatest(j.run_at, $1::timestamptz), j.priority, j.run_at, j.id)\n             > ($2::text::timestamptz, $3::int4, $4::text::timestamptz, $5::int8))\n   order by greatest(j.run_at, $1::timestamptz), j.priority, j.run_at, j.id\n   limit $6::int4\n     for update of j skip locked\n)\nselect p.id, p.task, p.queue, p.payload, p.priority, p.run_at, p.attempts, p.max_attempts, p.last_error, p.created_at,\n       p.updated_at, p.key, p.flags, p.due_at::text as due, p.run_at::text as run_at_text\n  from (select page.*,\n               coalesce(sum(octet_length(page.payload)) over (\n                 order by page.due_at, page.priority, page.run_at, page.id\n                 rows between unbounded preceding and 1 preceding), 0) as text_before\n          from page) as p\n where p.text_before < $7::int4\n order by p.due_at, p.priority, p.run_at, p.id",
  parameters: [["since","timestamptz"],["after_due","text"],["after_priority","int4"],["after_run_at","text"],["after_id","int8"],["limit","int4"],["most_text","int4"]],
  columns: [["id","int8"],["task","text"],["queue","text"],["payload","text"],["priority","int2"],["run_at","timestamptz"],["attempts","int2"],["max_attempts","int2"],["last_error","text"],["created_at","timestamptz"],["updated_at","timestamptz"],["key","text"],["flags","jsonb"],["due","text"],["run_at_text","text"]],
}

export const graphileWorkerVersion: Statement<
  Record<never, never>,
  { readonly version: number }
> = {
  name: "graphile_worker_version",
  text: "select coalesce(max(m.id), 0)::int4 as version from graphile_worker.migrations m",
  parameters: [],
  columns: [["version","int4"]],
}

export const hasTable: Statement<
  { readonly name: string },
  { readonly found: boolean }
> = {
  name: "has_table",
  text: "select to_regclass($1::text) is not null as found",
  parameters: [["name","text"]],
  columns: [["found","bool"]],
}

export const pgBossCountJobs: Statement<
  Record<never, never>,
  { readonly waiting: string; readonly running: string; readonly over: string }
> = {
  name: "pg_boss_count_jobs",
  text: "select count(*) filter (where j.state < 'active') as waiting,\n       count(*) filter (where j.state = 'active') as running,\n       count(*) filter (where j.state = 'failed') as over\n  from pgboss.job j",
  parameters: [],
  columns: [["waiting","int8"],["running","int8"],["over","int8"]],
}

export const pgBossRemoveJobs: Statement<
  { readonly names: readonly (string | null)[]; readonly ids: readonly (string | null)[] },
  Record<never, never>
> = {
  name: "pg_boss_remove_jobs",
  text: "delete from pgboss.job j\n using unnest($1::text[], $2::text[]::uuid[]) as moved (name, id)\n where j.name = moved.name and j.id = moved.id",
  parameters: [["names","text[]"],["ids","text[]"]],
  columns: [],
}

export const pgBossRemoveSchedule: Statement<
  { readonly name: string; readonly key: string },
  Record<never, never>
> = {
  name: "pg_boss_remove_schedule",
  text: "delete from pgboss.schedule s where s.name = $1::text and s.key = $2::text",
  parameters: [["name","text"],["key","text"]],
  columns: [],
}

export const pgBossTakeJobs: Statement<
  { readonly since: Date; readonly after_due: string | null; readonly after_priority: number | null; readonly after_created_at: string | null; readonly after_id: string | null; readonly after_name: string | null; readonly limit: number; readonly most_text: number },
  { readonly id: string; readonly name: string; readonly data: string | null; readonly request: unknown | null; readonly priority: number; readonly retried: boolean; readonly retry_limit: number; readonly retry_count: number; readonly retry_delay: number; readonly retry_backoff: boolean; readonly expire_seconds: number; readonly singleton_key: string | null; readonly throttled: boolean; readonly group_id: string | null; readonly start_after: Date; readonly created_on: Date; readonly output: unknown | null; readonly dead_letter: string | null; readonly policy: string | null; readonly blocked: boolean; readonly blocking: boolean; readonly due: string; readonly created_on_text: string }
> = {
  name: "pg_boss_take_jobs",
  text: "with page as materialized (\n  select j.id, j.name,\n         case when j.name = '__pgboss__send-it' then j.data -> 'data' else j.data end::text as data,\n         case when j.name = '__pgboss__send-it'\n              then jsonb_build_object(\n                     'name', j.data -> 'name', 'options', j.data -> 'options',\n                     'defaults', jsonb_build_object(\n                       'retryLimit', q.retry_limit, 'retryDelay', nullif(q.retry_delay, 0),\n                       'retryBackoff', nullif(q.retry_backoff, false), 'expireInSeconds', q.expire_seconds,\n                       'deadLetter', q.dead_letter, 'policy', nullif(q.policy, 'standard'))) end as request,\n         j.priority, j.started_on is not null as retried, j.retry_limit, j.retry_count, j.retry_delay, j.retry_backoff,\n         j.expire_seconds, j.singleton_key, j.singleton_on is not null as throttled, j.group_id, j.start_after, j.created_on,\n         j.output, j.dead_letter, j.policy, j.blocked, j.blocking, greatest(j.start_after, $1::timestamptz) as due_at\n    from pgboss.job j\n    left join pgboss.queue q on j.name = '__pgboss__send-it' and q.name = j.data ->> 'name'\n   where j.state < 'active'\n     and ($2::text is null\n          or (greatest(j.start_after, $1::timestamptz), -j.priority, j.created_on, j.id, j.name)\n             > ($2::text::timestamptz, -$3::int4, $4::text::timestamptz, $5::uuid, $6::text))\n   order by greatest(j.start_after, $1::timestamptz), -j.priority, j.created_on, j.id, j.name\n   limit $7::int4\n     for update of j skip locked\n)\nselect p.id, p.name, p.data, p.request, p.priority, p.retried, p.retry_limit, p.retry_count, p.retry_delay, p.retry_backoff,\n       p.expire_seconds, p.singleton_key, p.throttled, p.group_id, p.start_after, p.created_on, p.output, p.dead_letter, p.policy,\n       p.blocked, p.blocking, p.due_at::text as due, p.created_on::text as created_on_text\n  from (select page.*,\n               coalesce(sum(octet_length(page.data)) over (\n                 order by page.due_at, -page.priority, page.created_on, page.id, page.name\n                 rows between unbounded preceding and 1 preceding), 0) as text_before\n          from page) as p\n where p.text_before < $8::int4\n order by p.due_at, -p.priority, p.created_on, p.id, p.name",
  parameters: [["since","timestamptz"],["after_due","text"],["after_priority","int4"],["after_created_at","text"],["after_id","uuid"],["after_name","text"],["limit","int4"],["most_text","int4"]],
  columns: [["id","uuid"],["name","text"],["data","text"],["request","jsonb"],["priority","int4"],["retried","bool"],["retry_limit","int4"],["retry_count","int4"],["retry_delay","int4"],["retry_backoff","bool"],["expire_seconds","int4"],["singleton_key","text"],["throttled","bool"],["group_id","text"],["start_after","timestamptz"],["created_on","timestamptz"],["output","jsonb"],["dead_letter","text"],["policy","text"],["blocked","bool"],["blocking","bool"],["due","text"],["created_on_text","text"]],
}

export const pgBossTakeSchedules: Statement<
  Record<never, never>,
  { readonly name: string; readonly key: string; readonly kind: string; readonly cron: string; readonly timezone: string | null; readonly data: string | null; readonly options: unknown | null; readonly defaults: unknown }
> = {
  name: "pg_boss_take_schedules",
  text: "select s.name, s.key, s.kind, s.cron, s.timezone, s.data::text as data, s.options,\n       jsonb_build_object(\n         'retryLimit', q.retry_limit, 'retryDelay', nullif(q.retry_delay, 0), 'retryBackoff', nullif(q.retry_backoff, false),\n         'expireInSeconds', q.expire_seconds, 'deadLetter', q.dead_letter, 'policy', nullif(q.policy, 'standard')) as defaults\n  from pgboss.schedule s\n  join pgboss.queue q on q.name = s.name\n order by s.name, s.key\n   for update of s",
  parameters: [],
  columns: [["name","text"],["key","text"],["kind","text"],["cron","text"],["timezone","text"],["data","text"],["options","jsonb"],["defaults","jsonb"]],
}

export const pgBossVersion: Statement<
  Record<never, never>,
  { readonly version: number }
> = {
  name: "pg_boss_version",
  text: "select v.version from pgboss.version v",
  parameters: [],
  columns: [["version","int4"]],
}
