// Written by `npm run embed-sql` from sql/. Do not edit.
import type { Statement } from './statement.ts'

export const claimJobs: Statement<
  { readonly worker: number; readonly nonce: string; readonly claim: number; readonly queues: readonly number[] | null; readonly limits: readonly number[] | null; readonly total: number; readonly tasks: readonly number[]; readonly forbidden: readonly (string | null)[] | null },
  { readonly id: string | null; readonly queue_id: number | null; readonly task_id: number | null; readonly attempt: number | null; readonly max_attempts: number | null; readonly priority: number | null; readonly crashes: number | null; readonly run_at: Date | null; readonly created_at: Date; readonly kept: boolean | null; readonly place: string | null; readonly payload: string | null; readonly extras: string | null; readonly errors: string | null; readonly ended: string | null }
> = {
  name: "claim_jobs",
  text: "select id, queue_id, task_id, attempt, max_attempts, priority, crashes, run_at, created_at, kept, place, payload, extras, errors, ended\nfrom kongtask.claim_jobs($1::int4, $2::uuid, $3::int4, $4::int4[], $5::int4[], $6::int4, $7::int4[], $8::text[])",
  parameters: [["worker","int4"],["nonce","uuid"],["claim","int4"],["queues","int4[]"],["limits","int4[]"],["total","int4"],["tasks","int4[]"],["forbidden","text[]"]],
  columns: [["id","int8"],["queue_id","int4"],["task_id","int4"],["attempt","int2"],["max_attempts","int2"],["priority","int2"],["crashes","int2"],["run_at","timestamptz"],["created_at","timestamptz"],["kept","bool"],["place","tid"],["payload","text"],["extras","text"],["errors","text"],["ended","text"]],
}

export const createSchema: Statement<
  Record<never, never>,
  Record<never, never>
> = {
  name: "create_schema",
  text: "create schema \"kongtask\"",
  parameters: [],
  columns: [],
}

export const detachHistoryDay: Statement<
  Record<never, never>,
  Record<never, never>
> = {
  name: "detach_history_day",
  text: "alter table kongtask.history detach partition kongtask.history_00000000 concurrently",
  parameters: [],
  columns: [],
}

export const dropHistoryDay: Statement<
  Record<never, never>,
  Record<never, never>
> = {
  name: "drop_history_day",
  text: "drop table if exists kongtask.history_00000000",
  parameters: [],
  columns: [],
}

export const extendHistory: Statement<
  Record<never, never>,
  { readonly added: number }
> = {
  name: "extend_history",
  text: "select kongtask.extend_history() as added",
  parameters: [],
  columns: [["added","int4"]],
}

export const finalizeHistoryDay: Statement<
  Record<never, never>,
  Record<never, never>
> = {
  name: "finalize_history_day",
  text: "alter table kongtask.history detach partition kongtask.history_00000000 finalize",
  parameters: [],
  columns: [],
}

export const heartbeat: Statement<
  { readonly worker: number; readonly nonce: string; readonly lease: number; readonly known: readonly number[]; readonly before: number; readonly heard: string },
  { readonly alive: boolean; readonly messages: unknown | null }
> = {
  name: "heartbeat",
  text: "select o_alive as alive, o_messages as messages from kongtask.heartbeat($1::int4, $2::uuid, $3::float8, $4::int4[], $5::int4, $6::int8)",
  parameters: [["worker","int4"],["nonce","uuid"],["lease","float8"],["known","int4[]"],["before","int4"],["heard","int8"]],
  columns: [["alive","bool"],["messages","jsonb"]],
}

export const insertJobs: Statement<
  { readonly kinds: string; readonly kind: string | null; readonly payloads: string },
  { readonly ordinal: string; readonly id: string; readonly status: string }
> = {
  name: "insert_jobs",
  text: "select ordinal, id, status from kongtask.insert_jobs($1::text::jsonb, $2::text::int4[], $3::text::jsonb)",
  parameters: [["kinds","text"],["kind","text"],["payloads","text"]],
  columns: [["ordinal","int8"],["id","text"],["status","text"]],
}

export const listDeadLetters: Statement<
  { readonly before_at: Date | null; readonly before_id: string | null; readonly limit: number },
  { readonly id: string; readonly task: string; readonly queue: string; readonly payload: unknown; readonly state: string; readonly attempt: number; readonly max_attempts: number; readonly priority: number; readonly run_at: Date; readonly created_at: Date; readonly finished_at: Date | null; readonly extras: unknown | null; readonly errors: unknown | null; readonly result: unknown | null }
> = {
  name: "list_dead_letters",
  text: "select d.id, t.name as task, q.name as queue, d.payload, 'dead' as state, d.attempt, d.max_attempts, d.priority,\n       d.run_at, d.created_at, d.finished_at, d.extras, d.errors, null::jsonb as result\n  from kongtask.dead_letters d\n  join kongtask.tasks t on t.id = d.task_id\n  join kongtask.queues q on q.id = d.queue_id\n where $1::timestamptz is null or (d.finished_at, d.id) < ($1::timestamptz, $2::int8)\n order by d.finished_at desc, d.id desc\n limit $3::int4",
  parameters: [["before_at","timestamptz"],["before_id","int8"],["limit","int4"]],
  columns: [["id","int8"],["task","text"],["queue","text"],["payload","jsonb"],["state","text"],["attempt","int2"],["max_attempts","int2"],["priority","int2"],["run_at","timestamptz"],["created_at","timestamptz"],["finished_at","timestamptz"],["extras","jsonb"],["errors","jsonb"],["result","jsonb"]],
}

export const listen: Statement<
  Record<never, never>,
  Record<never, never>
> = {
  name: "listen",
  text: "listen \"kongtask:ready\";\nlisten \"kongtask:worker\"",
  parameters: [],
  columns: [],
}

export const lockMigrations: Statement<
  Record<never, never>,
  Record<never, never>
> = {
  name: "lock_migrations",
  text: "select pg_advisory_xact_lock(hashtextextended('kongtask:migrations', 0))",
  parameters: [],
  columns: [],
}

export const pruneOverflow: Statement<
  { readonly limit: number },
  { readonly pruned: string }
> = {
  name: "prune_overflow",
  text: "with expired as (\n  select o.ctid from kongtask.history_overflow o\n   where o.expires_at < kongtask.clock()\n   order by o.expires_at\n   limit $1::int4\n     for update skip locked\n),\ngone as (\n  delete from kongtask.history_overflow o using expired where o.ctid = expired.ctid returning 1\n)\nselect count(*) as pruned from gone",
  parameters: [["limit","int4"]],
  columns: [["pruned","int8"]],
}

export const pruneUniqueKeys: Statement<
  { readonly task: number | null; readonly key: string | null; readonly limit: number },
  { readonly task: number | null; readonly key: string | null; readonly pruned: number }
> = {
  name: "prune_unique_keys",
  text: "select p_task as task, p_key as key, o_pruned as pruned from kongtask.prune_unique_keys($1::int4, $2::text, $3::int4)",
  parameters: [["task","int4"],["key","text"],["limit","int4"]],
  columns: [["task","int4"],["key","text"],["pruned","int4"]],
}

export const publish: Statement<
  { readonly tasks: string; readonly queues: readonly (string | null)[] | null },
  { readonly kind: string; readonly name: string; readonly id: number }
> = {
  name: "publish",
  text: "select kind, name, id from kongtask.publish($1::jsonb, $2::text[])",
  parameters: [["tasks","jsonb"],["queues","text[]"]],
  columns: [["kind","text"],["name","text"],["id","int4"]],
}

export const readExpiredDays: Statement<
  Record<never, never>,
  { readonly day: string; readonly attached: boolean; readonly pending: boolean }
> = {
  name: "read_expired_days",
  text: "select right(c.relname, 8) as day, i.inhrelid is not null as attached, coalesce(i.inhdetachpending, false) as pending\n  from pg_class parent\n  join pg_class c on c.relnamespace = parent.relnamespace and c.relkind = 'r' and c.relname ~ '^history_[0-9]{8}$'\n  left join pg_inherits i on i.inhrelid = c.oid and i.inhparent = parent.oid\n where parent.oid = 'kongtask.history'::regclass\n   and right(c.relname, 8) < to_char(kongtask.clock() at time zone 'UTC', 'YYYYMMDD')\n order by c.relname",
  parameters: [],
  columns: [["day","text"],["attached","bool"],["pending","bool"]],
}

export const readJob: Statement<
  { readonly id: string },
  { readonly id: string; readonly task: string; readonly queue: string; readonly payload: unknown; readonly state: string; readonly attempt: number; readonly max_attempts: number; readonly priority: number; readonly run_at: Date; readonly created_at: Date; readonly finished_at: Date | null; readonly extras: unknown | null; readonly errors: unknown | null; readonly result: unknown | null }
> = {
  name: "read_job",
  text: "with found as (\n  select j.id, j.task_id, j.queue_id, j.payload,\n         case when j.worker <> 0 then 'running' when j.run_at > kongtask.clock() then 'scheduled' else 'ready' end as state,\n         j.attempt, j.max_attempts, (j.lane & 15)::int2 as priority, j.run_at, j.created_at, null::timestamptz as finished_at,\n         j.extras, j.errors, null::jsonb as result\n    from kongtask.jobs j\n   where j.queue_id = any (array(select q.id from kongtask.queues q)) and j.id = $1::int8\n  union all\n  select d.id, d.task_id, d.queue_id, d.payload, 'dead', d.attempt, d.max_attempts, d.priority, d.run_at, d.created_at,\n         d.finished_at, d.extras, d.errors, null\n    from kongtask.dead_letters d\n   where d.id = $1::int8\n  union all\n  select h.id, h.task_id, h.queue_id, h.payload, case when h.completed then 'completed' else 'cancelled' end, h.attempt,\n         h.max_attempts, h.priority, h.run_at, h.created_at, h.finished_at, h.extras, h.errors, h.result\n    from (select * from kongtask.history union all select * from kongtask.history_overflow) h\n   where h.id = $1::int8 and h.expires_at > kongtask.clock()\n)\nselect f.id, t.name as task, q.name as queue, f.payload, f.state, f.attempt, f.max_attempts, f.priority, f.run_at,\n       f.created_at, f.finished_at, f.extras, f.errors, f.result\n  from found f\n  join kongtask.tasks t on t.id = f.task_id\n  join kongtask.queues q on q.id = f.queue_id",
  parameters: [["id","int8"]],
  columns: [["id","int8"],["task","text"],["queue","text"],["payload","jsonb"],["state","text"],["attempt","int2"],["max_attempts","int2"],["priority","int2"],["run_at","timestamptz"],["created_at","timestamptz"],["finished_at","timestamptz"],["extras","jsonb"],["errors","jsonb"],["result","jsonb"]],
}

export const readMigrations: Statement<
  Record<never, never>,
  { readonly number: number; readonly name: string; readonly breaking: boolean }
> = {
  name: "read_migrations",
  text: "select number, name, breaking from kongtask.migrations order by number",
  parameters: [],
  columns: [["number","int4"],["name","text"],["breaking","bool"]],
}

export const readNames: Statement<
  Record<never, never>,
  { readonly id: number; readonly name: string }
> = {
  name: "read_names",
  text: "select id, name from kongtask.queues",
  parameters: [],
  columns: [["id","int4"],["name","text"]],
}

export const readSchema: Statement<
  { readonly schema: string },
  { readonly version: number; readonly exists: boolean; readonly ours: boolean; readonly occupied: boolean }
> = {
  name: "read_schema",
  text: "select current_setting('server_version_num')::int4 as version,\n       n.oid is not null as exists,\n       (select count(*) = 4 from pg_attribute a\n         where a.attrelid = to_regclass(format('%I.migrations', $1::text))\n           and a.attname in ('number', 'name', 'breaking', 'applied_at')) as ours,\n       exists (select from pg_class c where c.relnamespace = n.oid)\n         or exists (select from pg_proc p where p.pronamespace = n.oid) as occupied\n  from (select 1) one\n  left join pg_namespace n on n.nspname = $1::text",
  parameters: [["schema","text"]],
  columns: [["version","int4"],["exists","bool"],["ours","bool"],["occupied","bool"]],
}

export const recordMigration: Statement<
  { readonly number: number; readonly name: string; readonly breaking: boolean },
  Record<never, never>
> = {
  name: "record_migration",
  text: "insert into kongtask.migrations (number, name, breaking) values ($1::int4, $2::text, $3::bool)",
  parameters: [["number","int4"],["name","text"],["breaking","bool"]],
  columns: [],
}

export const redrive: Statement<
  { readonly ids: readonly string[] },
  { readonly id: string; readonly status: string }
> = {
  name: "redrive",
  text: "select id, status from kongtask.redrive($1::int8[])",
  parameters: [["ids","int8[]"]],
  columns: [["id","int8"],["status","text"]],
}

export const registerWorker: Statement<
  { readonly lease: number; readonly info: string },
  { readonly worker: number; readonly nonce: string }
> = {
  name: "register_worker",
  text: "select worker, nonce from kongtask.register_worker($1::float8, $2::jsonb)",
  parameters: [["lease","float8"],["info","jsonb"]],
  columns: [["worker","int4"],["nonce","uuid"]],
}

export const rescueWorkers: Statement<
  Record<never, never>,
  { readonly workers: number; readonly jobs: number }
> = {
  name: "rescue_workers",
  text: "select workers, jobs from kongtask.rescue_workers()",
  parameters: [],
  columns: [["workers","int4"],["jobs","int4"]],
}

export const settleJobs: Statement<
  { readonly worker: number; readonly queue: number; readonly forget: readonly string[]; readonly forget_claims: readonly number[]; readonly forget_places: readonly string[]; readonly keep: readonly string[]; readonly keep_claims: readonly number[]; readonly keep_places: readonly string[]; readonly results: readonly (string | null)[] | null; readonly others: string | null; readonly closed: readonly number[] },
  { readonly refused: readonly string[]; readonly ended: readonly string[]; readonly reasons: readonly string[] }
> = {
  name: "settle_jobs",
  text: "select o_refused as refused, o_ended as ended, o_reasons as reasons from kongtask.settle_jobs(\n  $1::int4, $2::int4, $3::int8[], $4::int4[], $5::tid[], $6::int8[], $7::int4[], $8::tid[], $9::text[], $10::jsonb, $11::int4[])",
  parameters: [["worker","int4"],["queue","int4"],["forget","int8[]"],["forget_claims","int4[]"],["forget_places","tid[]"],["keep","int8[]"],["keep_claims","int4[]"],["keep_places","tid[]"],["results","text[]"],["others","jsonb"],["closed","int4[]"]],
  columns: [["refused","int8[]"],["ended","int8[]"],["reasons","text[]"]],
}

export const takeTurn: Statement<
  { readonly chore: string; readonly every: number },
  { readonly taken: boolean }
> = {
  name: "take_turn",
  text: "select kongtask.take_turn($1::text, $2::float8) as taken",
  parameters: [["chore","text"],["every","float8"]],
  columns: [["taken","bool"]],
}

export const unregisterWorker: Statement<
  { readonly worker: number; readonly nonce: string },
  Record<never, never>
> = {
  name: "unregister_worker",
  text: "select kongtask.unregister_worker($1::int4, $2::uuid)",
  parameters: [["worker","int4"],["nonce","uuid"]],
  columns: [],
}
