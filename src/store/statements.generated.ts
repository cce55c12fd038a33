// Written by `npm run embed-sql` from sql/. Do not edit.
import type { Statement } from './statement.ts'

export const benchDrop: Statement<
  Record<never, never>,
  Record<never, never>
> = {
  name: "bench_drop",
  text: "drop schema if exists \"kongtask\" cascade",
  parameters: [],
  columns: [],
}

export const benchRawDelete: Statement<
  Record<never, never>,
  Record<never, never>
> = {
  name: "bench_raw_delete",
  text: "delete from kongtask.bench_raw\n where id = any (array(select id from kongtask.bench_raw order by id limit 100 for update skip locked))",
  parameters: [],
  columns: [],
}

export const benchRawInsert: Statement<
  Record<never, never>,
  Record<never, never>
> = {
  name: "bench_raw_insert",
  text: "insert into kongtask.bench_raw (payload) select '{}' from generate_series(1, 100)",
  parameters: [],
  columns: [],
}

export const benchRawTable: Statement<
  Record<never, never>,
  Record<never, never>
> = {
  name: "bench_raw_table",
  text: "create table kongtask.bench_raw (id int8 generated always as identity primary key, payload jsonb not null)",
  parameters: [],
  columns: [],
}

export const cancelJobs: Statement<
  { readonly ids: readonly string[]; readonly queues: readonly number[] | null; readonly reason: string; readonly filter: string },
  { readonly id: string; readonly status: string }
> = {
  name: "cancel_jobs",
  text: "select id, status from kongtask.cancel_jobs($1::int8[], $2::int4[], $3::text, $4::jsonb)",
  parameters: [["ids","int8[]"],["queues","int4[]"],["reason","text"],["filter","jsonb"]],
  columns: [["id","int8"],["status","text"]],
}

export const cancelTransaction: Statement<
  { readonly pid: number; readonly began: string },
  { readonly is_cancelled: boolean }
> = {
  name: "cancel_transaction",
  text: "select pg_cancel_backend(a.pid) as is_cancelled from pg_stat_activity a where a.pid = $1::int4 and a.xact_start = $2::text::timestamptz",
  parameters: [["pid","int4"],["began","text"]],
  columns: [["is_cancelled","bool"]],
}

export const changeSchedule: Statement<
  { readonly name: string; readonly revision: string; readonly definition: string; readonly by: string | null },
  { readonly changed: boolean }
> = {
  name: "change_schedule",
  text: "select kongtask.change_schedule($1::text, $2::int8, $3::jsonb, $4::text) as changed",
  parameters: [["name","text"],["revision","int8"],["definition","jsonb"],["by","text"]],
  columns: [["changed","bool"]],
}

export const claimJobs: Statement<
  { readonly worker: number; readonly nonce: string; readonly claim: number; readonly queues: readonly number[] | null; readonly limits: readonly number[] | null; readonly total: number; readonly tasks: readonly number[]; readonly forbidden: readonly (string | null)[] | null; readonly is_survey: boolean; readonly insists: boolean; readonly mark_queues: readonly number[] | null; readonly mark_lanes: readonly number[] | null; readonly marks_us: readonly string[] | null; readonly mark_ids: readonly string[] | null; readonly mark_paused: readonly number[] | null; readonly horizon_us: string | null },
  { readonly queue_id: number | null; readonly jobs: string | null; readonly dry: boolean | null; readonly next_due_in: number | null; readonly now_us: string | null; readonly xid: string | null; readonly xmin: string | null; readonly paused: readonly number[] | null; readonly ends: readonly string[] | null }
> = {
  name: "claim_jobs",
  text: "select queue_id, jobs, dry, next_due_in, now_us, xid, xmin, paused, ends\nfrom kongtask.claim_jobs($1::int4, $2::uuid, $3::int4, $4::int4[], $5::int4[], $6::int4, $7::int4[], $8::text[],\n  $9::bool, $10::bool, $11::int4[], $12::int2[], $13::int8[], $14::int8[], $15::int4[], $16::int8)",
  parameters: [["worker","int4"],["nonce","uuid"],["claim","int4"],["queues","int4[]"],["limits","int4[]"],["total","int4"],["tasks","int4[]"],["forbidden","text[]"],["is_survey","bool"],["insists","bool"],["mark_queues","int4[]"],["mark_lanes","int2[]"],["marks_us","int8[]"],["mark_ids","int8[]"],["mark_paused","int4[]"],["horizon_us","int8"]],
  columns: [["queue_id","int4"],["jobs","text"],["dry","bool"],["next_due_in","float8"],["now_us","int8"],["xid","int8"],["xmin","int8"],["paused","int4[]"],["ends","int8[]"]],
}

export const claimReady: Statement<
  { readonly worker: number; readonly nonce: string; readonly claim: number; readonly queue: number | null; readonly total: number; readonly tasks: readonly number[]; readonly mark_queues: readonly number[] | null; readonly mark_lanes: readonly number[] | null; readonly marks_us: readonly string[] | null; readonly mark_ids: readonly string[] | null },
  { readonly queue_id: number | null; readonly jobs: string | null; readonly dry: boolean | null; readonly next_due_in: number | null; readonly now_us: string | null; readonly xid: string | null; readonly xmin: string | null; readonly paused: readonly number[]; readonly ends: readonly string[] | null }
> = {
  name: "claim_ready",
  text: "select queue_id, jobs, dry, null::float8 as next_due_in, now_us, xid, xmin, '{}'::int4[] as paused, ends\nfrom kongtask.claim_ready($1::int4, $2::uuid, $3::int4, $4::int4, $5::int4, $6::int4[],\n  $7::int4[], $8::int2[], $9::int8[], $10::int8[])",
  parameters: [["worker","int4"],["nonce","uuid"],["claim","int4"],["queue","int4"],["total","int4"],["tasks","int4[]"],["mark_queues","int4[]"],["mark_lanes","int2[]"],["marks_us","int8[]"],["mark_ids","int8[]"]],
  columns: [["queue_id","int4"],["jobs","text"],["dry","bool"],["next_due_in","float8"],["now_us","int8"],["xid","int8"],["xmin","int8"],["paused","int4[]"],["ends","int8[]"]],
}

export const claimTold: Statement<
  { readonly worker: number; readonly nonce: string; readonly claim: number; readonly queue: number; readonly id: string; readonly tasks: readonly number[] },
  { readonly queue_id: number | null; readonly jobs: string | null }
> = {
  name: "claim_told",
  text: "select queue_id, jobs\nfrom kongtask.claim_told($1::int4, $2::uuid, $3::int4, $4::int4, $5::int8, $6::int4[])",
  parameters: [["worker","int4"],["nonce","uuid"],["claim","int4"],["queue","int4"],["id","int8"],["tasks","int4[]"]],
  columns: [["queue_id","int4"],["jobs","text"]],
}

export const clearDatabase: Statement<
  Record<never, never>,
  Record<never, never>
> = {
  name: "clear_database",
  text: "do $$\ndeclare\n  v_schema text;\nbegin\n  for v_schema in\n    select n.nspname from pg_namespace n\n     where n.nspname <> 'information_schema' and not starts_with(n.nspname, 'pg_')\n       and n.oid <> '\"kongtask\"'::regnamespace\n  loop\n    execute format('drop schema %I cascade', v_schema);\n  end loop;\n  create schema public;\n  delete from kongtask.workers;\n  delete from kongtask.tasks;\n  delete from kongtask.queues where name <> 'default';\nend\n$$",
  parameters: [],
  columns: [],
}

export const completeJob: Statement<
  { readonly worker: string; readonly claim: string; readonly queue: string; readonly id: string; readonly place: string; readonly result: string | null; readonly idle: string },
  { readonly completed: boolean }
> = {
  name: "complete_job",
  text: "select kongtask.complete_job($1::text::int4, $2::text::int4, $3::text::int4, $4::text::int8, $5::text::tid, $6::text::jsonb, $7::text::int4) as completed",
  parameters: [["worker","text"],["claim","text"],["queue","text"],["id","text"],["place","text"],["result","text"],["idle","text"]],
  columns: [["completed","bool"]],
}

export const concludeJobs: Statement<
  { readonly worker: number; readonly queue: number; readonly ids: readonly string[]; readonly claims: readonly number[] },
  { readonly id: string; readonly state: string }
> = {
  name: "conclude_jobs",
  text: "select id, state from kongtask.conclude_jobs($1::int4, $2::int4, $3::int8[], $4::int4[])",
  parameters: [["worker","int4"],["queue","int4"],["ids","int8[]"],["claims","int4[]"]],
  columns: [["id","int8"],["state","text"]],
}

export const createSchedule: Statement<
  { readonly definition: string; readonly by: string | null },
  { readonly created: boolean }
> = {
  name: "create_schedule",
  text: "select kongtask.create_schedule($1::jsonb, $2::text) as created",
  parameters: [["definition","jsonb"],["by","text"]],
  columns: [["created","bool"]],
}

export const createSchema: Statement<
  Record<never, never>,
  Record<never, never>
> = {
  name: "create_schema",
  text: "do $$\nbegin\n  if to_regnamespace('\"kongtask\"') is null then\n    create schema \"kongtask\";\n  end if;\nend\n$$",
  parameters: [],
  columns: [],
}

export const databaseIdentity: Statement<
  Record<never, never>,
  { readonly identity: string }
> = {
  name: "database_identity",
  text: "select system_identifier::text || '/' || current_database() as identity from pg_control_system()",
  parameters: [],
  columns: [["identity","text"]],
}

export const declareSchedules: Statement<
  { readonly application: string; readonly generation: string; readonly definitions: string; readonly by: string | null },
  { readonly name: string | null; readonly done: string }
> = {
  name: "declare_schedules",
  text: "select name, done from kongtask.declare_schedules($1::text, $2::text, $3::jsonb, $4::text)",
  parameters: [["application","text"],["generation","text"],["definitions","jsonb"],["by","text"]],
  columns: [["name","text"],["done","text"]],
}

export const deleteJobs: Statement<
  { readonly ids: readonly string[]; readonly queues: readonly number[] | null; readonly filter: string },
  { readonly id: string; readonly status: string }
> = {
  name: "delete_jobs",
  text: "select id, status from kongtask.delete_jobs($1::int8[], $2::int4[], $3::jsonb)",
  parameters: [["ids","int8[]"],["queues","int4[]"],["filter","jsonb"]],
  columns: [["id","int8"],["status","text"]],
}

export const deleteSchedule: Statement<
  { readonly name: string; readonly by: string | null },
  { readonly known: boolean; readonly declared: boolean }
> = {
  name: "delete_schedule",
  text: "select o_known as known, o_declared as declared from kongtask.delete_schedule($1::text, $2::text)",
  parameters: [["name","text"],["by","text"]],
  columns: [["known","bool"],["declared","bool"]],
}

export const detachDay: Statement<
  Record<never, never>,
  Record<never, never>
> = {
  name: "detach_day",
  text: "alter table kongtask.daily detach partition kongtask.daily_00000000 concurrently",
  parameters: [],
  columns: [],
}

export const doctorIndexes: Statement<
  Record<never, never>,
  { readonly name: string; readonly fault: string; readonly remedy: string }
> = {
  name: "doctor_indexes",
  text: "with wanted (name, owner, made, how) as (values\n  ('chores_pkey', 'chores', 'primary key', '(name)'),\n  ('claim_marks_newest', 'claim_marks', 'index', '(queue_id, run_at, id)'),\n  ('claims_pkey', 'claims', 'primary key', '(worker, claim, queue_id)'),\n  ('claims_limited', 'claims', 'index', '(queue_id) where limited_ids is not null'),\n  ('claims_unlimited', 'claims', 'index', '(queue_id) where limited_ids is null'),\n  ('completions_pkey', 'completions', 'primary key', '(worker, claim, job_id)'),\n  ('dead_letters_id', 'dead_letters', 'partitioned', '(id)'),\n  ('dead_letters_recent', 'dead_letters', 'partitioned', '(finished_at, id)'),\n  ('dead_letters_horizon_one', 'dead_letters_horizon', 'unique index', '((true))'),\n  ('dead_letters_lasting_expiry', 'dead_letters_lasting', 'index', '(expires_at) where expires_at < ''infinity'''),\n  ('history_id', 'history', 'partitioned', '(id)'),\n  ('history_horizon_one', 'history_horizon', 'unique index', '((true))'),\n  ('history_overflow_id', 'history_overflow', 'index', '(id)'),\n  ('history_overflow_expiry', 'history_overflow', 'index', '(expires_at)'),\n  ('imports_pkey', 'imports', 'primary key', '(source, key)'),\n  ('jobs_pkey', 'jobs', 'primary key', '(queue_id, id)'),\n  ('jobs_lane', 'jobs', 'index', '(queue_id, lane, run_at, id)'),\n  ('jobs_serial', 'jobs', 'index', '(queue_id, serial_key, id) where serial_key is not null'),\n  ('jobs_parked', 'jobs', 'index', '(queue_id, waits_for, lane, run_at, id) where waits_for is not null'),\n  ('logs_job', 'logs', 'partitioned', '(job_id, id)'),\n  ('logs_horizon_one', 'logs_horizon', 'unique index', '((true))'),\n  ('messages_pkey', 'messages', 'primary key', '(worker, id)'),\n  ('migrations_pkey', 'migrations', 'primary key', '(number)'),\n  ('progress_pkey', 'progress', 'primary key', '(job_id)'),\n  ('queues_pkey', 'queues', 'primary key', '(id)'),\n  ('queues_name_key', 'queues', 'unique', '(name)'),\n  ('rates_pkey', 'rates', 'primary key', '(queue_id, gate)'),\n  ('rates_waiting', 'rates', 'index', '(queue_id, opens_at) where opens_at is not null'),\n  ('schedule_changes_pkey', 'schedule_changes', 'primary key', '(id)'),\n  ('schedule_changes_of', 'schedule_changes', 'index', '(schedule, id)'),\n  ('schedule_generations_pkey', 'schedule_generations', 'primary key', '(application, generation)'),\n  ('schedule_sets_pkey', 'schedule_sets', 'primary key', '(application)'),\n  ('schedule_ticks_pkey', 'schedule_ticks', 'primary key', '(schedule, tick)'),\n  ('schedule_ticks_fired', 'schedule_ticks', 'index', '(fired_at)'),\n  ('schedules_pkey', 'schedules', 'primary key', '(name)'),\n  ('schedules_next', 'schedules', 'index', '(next_tick) where paused_at is null'),\n  ('schedules_application', 'schedules', 'index', '(application)'),\n  ('serial_keys_pkey', 'serial_keys', 'primary key', '(queue_id, key)'),\n  ('serial_keys_unsettled', 'serial_keys', 'index', '(queue_id, key) where job_id is null'),\n  ('settings_one', 'settings', 'unique index', '((true))'),\n  ('steps_pkey', 'steps', 'primary key', '(job_id, name)'),\n  ('tasks_pkey', 'tasks', 'primary key', '(id)'),\n  ('tasks_name_key', 'tasks', 'unique', '(name)'),\n  ('tasks_paused', 'tasks', 'index', '(id) where paused_at is not null'),\n  ('tasks_parked', 'tasks', 'index', '(id) where has_parked'),\n  ('unique_keys_pkey', 'unique_keys', 'primary key', '(task_id, key)'),\n  ('workers_pkey', 'workers', 'primary key', '(id)')\n), present as (\n  select x.relname as name, i.indisvalid and i.indisready as sound, x.relkind, x.oid, t.relname as owner\n    from pg_class t\n    join pg_index i on i.indrelid = t.oid\n    join pg_class x on x.oid = i.indexrelid\n   where t.relnamespace = to_regnamespace('\"kongtask\"')\n)\nselect w.name, 'missing' as fault,\n       case w.made\n         when 'index' then format('create index concurrently %I on %s %s', w.name, t.oid::regclass, w.how)\n         when 'unique index' then format('create unique index concurrently %I on %s %s', w.name, t.oid::regclass, w.how)\n         -- On a table in parts it cannot be made concurrently.\n         when 'partitioned' then format('create index %I on %s %s', w.name, t.oid::regclass, w.how)\n         else format('alter table %s add constraint %I %s %s', t.oid::regclass, w.name, w.made, w.how) end as remedy\n  from wanted w\n  join pg_class t on t.relnamespace = to_regnamespace('\"kongtask\"') and t.relname = w.owner\n where not exists (select from present p where p.name = w.name)\nunion all\nselect p.name::text, 'invalid', format('reindex index concurrently %s', p.oid::regclass)\n  from present p\n where not p.sound and p.relkind = 'i'\n order by 2, 1",
  parameters: [],
  columns: [["name","text"],["fault","text"],["remedy","text"]],
}

export const doctorListen: Statement<
  Record<never, never>,
  Record<never, never>
> = {
  name: "doctor_listen",
  text: "listen \"kongtask:doctor\"",
  parameters: [],
  columns: [],
}

export const doctorNotify: Statement<
  { readonly token: string },
  { readonly pid: number }
> = {
  name: "doctor_notify",
  text: "select pg_backend_pid() as pid, pg_notify('kongtask:doctor', $1::text)",
  parameters: [["token","text"]],
  columns: [["pid","int4"]],
}

export const doctorPrivileges: Statement<
  Record<never, never>,
  { readonly purpose: string; readonly granted: number; readonly missing: readonly string[]; readonly remedy: string }
> = {
  name: "doctor_privileges",
  text: "with place as (\n  select n.oid, n.nspname, n.oid::regnamespace::text as spelled, c.relowner as owner\n    from pg_namespace n\n    join pg_class c on c.relnamespace = n.oid and c.relname = 'jobs'\n   where n.oid = to_regnamespace('\"kongtask\"')\n), rights (purpose, what, given) as (\n  select 'add', format('usage of the schema %s', p.spelled), has_schema_privilege(p.oid, 'usage') from place p\n  union all\n  select case when f.proname in ('add_job', 'add_jobs', 'insert_jobs') then 'add' else 'work' end,\n         format('execute of %s', f.proname), has_function_privilege(f.oid, 'execute')\n    from place p\n    join pg_proc f on f.pronamespace = p.oid and f.proowner = p.owner\n   where f.proname not in ('grant_access', 'revoke_access', 'renew_access')\n     and not exists (select from pg_depend d\n                      where d.classid = 'pg_proc'::regclass and d.objid = f.oid and d.deptype = 'e')\n  union all\n  select 'work', format('usage of %s', s.relname), has_sequence_privilege(s.oid, 'usage')\n    from place p\n    join pg_class s on s.relnamespace = p.oid and s.relowner = p.owner and s.relkind = 'S'\n  union all\n  select 'work', format('%s of %s', needed.what, c.relname), has_table_privilege(c.oid, needed.what)\n    from place p\n    join pg_class c on c.relnamespace = p.oid and c.relowner = p.owner and c.relkind in ('r', 'p') and not c.relispartition\n   cross join lateral unnest(\n           case when c.relname ~ '_horizon$' or c.relname in ('migrations', 'settings') then '{select}'::text[]\n                when c.relname = 'dead_letters' then '{select,insert,update,delete}'\n                when c.relkind = 'p' then '{select,insert}'\n                when c.relname in ('tasks', 'queues') then '{select,insert,update}'\n                else '{select,insert,update,delete}' end) as needed (what)\n  union all\n  select 'own', format('what the role %s owns', p.owner::regrole::text), pg_has_role(p.owner, 'usage') from place p\n)\nselect r.purpose,\n       count(*) filter (where r.given)::int4 as granted,\n       coalesce(array_agg(r.what order by r.what) filter (where not r.given), '{}') as missing,\n       case r.purpose\n         when 'own' then format('grant %s to %I', p.owner::regrole::text, current_user)\n         else format('select %s.grant_access(%L, %L)', p.spelled, r.purpose, current_user) end as remedy\n  from rights r\n cross join place p\n group by r.purpose, p.spelled, p.owner\n order by r.purpose",
  parameters: [],
  columns: [["purpose","text"],["granted","int4"],["missing","text[]"],["remedy","text"]],
}

export const doctorReadOnly: Statement<
  { readonly timeout: string },
  { readonly writing: string; readonly ending: string }
> = {
  name: "doctor_read_only",
  text: "select set_config('transaction_read_only', 'on', true) as writing,\n       set_config('statement_timeout', $1::text, true) as ending",
  parameters: [["timeout","text"]],
  columns: [["writing","text"],["ending","text"]],
}

export const doctorServer: Statement<
  Record<never, never>,
  { readonly version: number; readonly release: string; readonly role: string; readonly standby: boolean; readonly read_only: boolean; readonly autovacuum: boolean; readonly counts: boolean; readonly sees_all: boolean; readonly sees_how: string; readonly at: Date }
> = {
  name: "doctor_server",
  text: "select current_setting('server_version_num')::int4 as version,\n       split_part(current_setting('server_version'), ' ', 1) as release,\n       current_user::text as role,\n       pg_is_in_recovery() as standby,\n       current_setting('default_transaction_read_only')::bool as read_only,\n       current_setting('autovacuum')::bool as autovacuum,\n       current_setting('track_counts')::bool as counts,\n       pg_has_role(current_user, 'pg_read_all_stats', 'usage') as sees_all,\n       format('grant pg_read_all_stats to %I', current_user) as sees_how,\n       clock_timestamp() as at",
  parameters: [],
  columns: [["version","int4"],["release","text"],["role","text"],["standby","bool"],["read_only","bool"],["autovacuum","bool"],["counts","bool"],["sees_all","bool"],["sees_how","text"],["at","timestamptz"]],
}

export const doctorSilentWorkers: Statement<
  Record<never, never>,
  { readonly worker: number; readonly host: string; readonly pid: string; readonly silent: number; readonly unlock: string }
> = {
  name: "doctor_silent_workers",
  text: "select w.id as worker, coalesce(w.info ->> 'host', '') as host, coalesce(w.info ->> 'pid', '') as pid,\n       (extract(epoch from clock_timestamp() - w.heartbeat_at) * 1000)::float8 as silent,\n       format('select %s.unlock_worker(%s)', to_regnamespace('\"kongtask\"'), w.id) as unlock\n  from kongtask.workers w\n where w.rescued_at is null and w.expires_at < clock_timestamp()\n order by w.id",
  parameters: [],
  columns: [["worker","int4"],["host","text"],["pid","text"],["silent","float8"],["unlock","text"]],
}

export const doctorTables: Statement<
  Record<never, never>,
  { readonly name: string; readonly live: string; readonly dead: string; readonly bytes: string; readonly heap: string; readonly due: string; readonly vacuumed_at: Date | null; readonly minded: boolean; readonly mind: string; readonly vacuum: string; readonly shrink: string }
> = {
  name: "doctor_tables",
  text: "select c.relname::text as name,\n       pg_stat_get_live_tuples(c.oid) as live,\n       pg_stat_get_dead_tuples(c.oid) as dead,\n       pg_total_relation_size(c.oid) as bytes,\n       pg_relation_size(c.oid) as heap,\n       (coalesce(o.threshold, current_setting('autovacuum_vacuum_threshold'))::float8\n         + coalesce(o.factor, current_setting('autovacuum_vacuum_scale_factor'))::float8 * greatest(c.reltuples, 0))::int8 as due,\n       greatest(pg_stat_get_last_vacuum_time(c.oid), pg_stat_get_last_autovacuum_time(c.oid)) as vacuumed_at,\n       coalesce(o.enabled::bool, true) as minded,\n       format('alter table %s reset (autovacuum_enabled)', c.oid::regclass) as mind,\n       format('vacuum (verbose) %s', c.oid::regclass) as vacuum,\n       format('vacuum (full, verbose) %s', c.oid::regclass) as shrink\n  from pg_class c\n cross join lateral (\n         select max(option_value) filter (where option_name = 'autovacuum_enabled') as enabled,\n                max(option_value) filter (where option_name = 'autovacuum_vacuum_threshold') as threshold,\n                max(option_value) filter (where option_name = 'autovacuum_vacuum_scale_factor') as factor\n           from pg_options_to_table(c.reloptions)) as o\n where c.relnamespace = to_regnamespace('\"kongtask\"') and c.relkind = 'r'\n   and c.relname in ('jobs', 'claims', 'claim_marks', 'serial_keys', 'unique_keys', 'workers', 'messages', 'completions', 'progress', 'steps', 'rates')\n order by pg_total_relation_size(c.oid) desc, c.relname",
  parameters: [],
  columns: [["name","text"],["live","int8"],["dead","int8"],["bytes","int8"],["heap","int8"],["due","int8"],["vacuumed_at","timestamptz"],["minded","bool"],["mind","text"],["vacuum","text"],["shrink","text"]],
}

export const doctorVacuumHolders: Statement<
  Record<never, never>,
  { readonly kind: string; readonly name: string; readonly pid: number | null; readonly age: number; readonly held: number | null; readonly doing: string | null; readonly host: string | null; readonly remedy: string }
> = {
  name: "doctor_vacuum_holders",
  text: "select held.kind, held.name, held.pid, held.age, held.held, held.doing, held.host, held.remedy\n  from (\n    select 'session' as kind, a.application_name as name, a.pid,\n           greatest(age(a.backend_xmin), age(a.backend_xid)) as age,\n           (extract(epoch from clock_timestamp() - a.xact_start) * 1000)::float8 as held,\n           format('%s: %s', a.state, left(regexp_replace(a.query, '\\s+', ' ', 'g'), 80)) as doing,\n           null::text as host,\n           format('select pg_terminate_backend(%s)', a.pid) as remedy\n      from pg_stat_activity a\n     where a.datname = current_database() and a.pid <> pg_backend_pid()\n       and coalesce(a.backend_xmin, a.backend_xid) is not null\n       and a.backend_type not in ('autovacuum worker', 'parallel worker', 'walsender')\n    union all\n    select 'prepared', p.gid, null, age(p.transaction),\n           (extract(epoch from clock_timestamp() - p.prepared) * 1000)::float8, format('prepared by %s', p.owner), null,\n           format('rollback prepared %L', p.gid)\n      from pg_prepared_xacts p\n     where p.database = current_database()\n    union all\n    select 'slot', s.slot_name::text, s.active_pid, greatest(age(s.xmin), age(s.catalog_xmin)), null,\n           case when s.active then format('%s, in use', s.slot_type) else format('%s, nobody uses it', s.slot_type) end, null,\n           case when s.active\n                then format('select application_name, client_addr, state, replay_lsn, replay_lag from pg_stat_replication where pid = %s',\n                            s.active_pid)\n                else format('select pg_drop_replication_slot(%L)', s.slot_name) end\n      from pg_replication_slots s\n     where coalesce(s.xmin, s.catalog_xmin) is not null\n    union all\n    select 'standby', r.application_name, r.pid, age(r.backend_xmin), null, r.state, host(r.client_addr),\n           'alter system set hot_standby_feedback = off'\n      from pg_stat_replication r\n     where r.backend_xmin is not null) as held\n order by held.age desc, held.held desc nulls last\n limit 20",
  parameters: [],
  columns: [["kind","text"],["name","text"],["pid","int4"],["age","int4"],["held","float8"],["doing","text"],["host","text"],["remedy","text"]],
}

export const doctorWaitingTasks: Statement<
  { readonly scan: number },
  { readonly queue: string; readonly task: string; readonly jobs: number }
> = {
  name: "doctor_waiting_tasks",
  text: "select q.name as queue, t.name as task, count(*)::int4 as jobs\n  from kongtask.queues q\n cross join lateral (\n         (select j.id, j.task_id, j.worker from kongtask.jobs j where j.queue_id = q.id order by j.id limit $1::int4)\n         union\n         (select j.id, j.task_id, j.worker from kongtask.jobs j where j.queue_id = q.id order by j.id desc limit $1::int4)) as j\n  join kongtask.tasks t on t.id = j.task_id\n where j.worker = 0\n group by q.name, t.name\n order by t.name, q.name",
  parameters: [["scan","int4"]],
  columns: [["queue","text"],["task","text"],["jobs","int4"]],
}

export const drainWorker: Statement<
  { readonly worker: number },
  { readonly known: boolean }
> = {
  name: "drain_worker",
  text: "select kongtask.drain_worker($1::int4) as known",
  parameters: [["worker","int4"]],
  columns: [["known","bool"]],
}

export const dropDay: Statement<
  Record<never, never>,
  Record<never, never>
> = {
  name: "drop_day",
  text: "drop table if exists kongtask.daily_00000000",
  parameters: [],
  columns: [],
}

export const dropSchema: Statement<
  Record<never, never>,
  Record<never, never>
> = {
  name: "drop_schema",
  text: "drop schema \"kongtask\" cascade",
  parameters: [],
  columns: [],
}

export const dueSchedules: Statement<
  { readonly limit: number; readonly except: readonly (string | null)[] },
  { readonly name: string | null; readonly revision: string | null; readonly expression: string | null; readonly tz: string | null; readonly catch_up: string | null; readonly within_ms: number | null; readonly next_tick: Date | null; readonly seen_at: Date; readonly next_in: number | null }
> = {
  name: "due_schedules",
  text: "select name, revision, expression, tz, catch_up, within_ms, next_tick, seen_at, next_in from kongtask.due_schedules($1::int4, $2::text[])",
  parameters: [["limit","int4"],["except","text[]"]],
  columns: [["name","text"],["revision","int8"],["expression","text"],["tz","text"],["catch_up","text"],["within_ms","float8"],["next_tick","timestamptz"],["seen_at","timestamptz"],["next_in","float8"]],
}

export const emptyTables: Statement<
  Record<never, never>,
  Record<never, never>
> = {
  name: "empty_tables",
  text: "do $$\ndeclare\n  v_table text;\n  v_size int8;\n  v_large text[] := '{}';\nbegin\n  for v_table, v_size in\n    select c.oid::regclass::text, pg_relation_size(c.oid)\n      from pg_class c\n     where c.relnamespace = '\"kongtask\"'::regnamespace\n       and c.relkind = 'r'\n       and c.relname not in ('migrations', 'settings', 'queues', 'tasks', 'workers', 'history_horizon', 'dead_letters_horizon',\n         'logs_horizon')\n       and pg_relation_size(c.oid) > 0\n  loop\n    if v_size > 128 * 1024 then\n      v_large := v_large || v_table;\n    else\n      execute 'delete from ' || v_table;\n    end if;\n  end loop;\n  if v_large <> '{}' then\n    execute 'truncate ' || array_to_string(v_large, ', ');\n  end if;\n  update kongtask.queues set paused_at = null, concurrency = null, rate = null\n   where paused_at is not null or concurrency is not null or rate is not null;\n  update kongtask.tasks set paused_at = null where paused_at is not null;\nend\n$$",
  parameters: [],
  columns: [],
}

export const explainJob: Statement<
  { readonly id: string },
  { readonly id: string; readonly state: string; readonly task: string; readonly queue: string; readonly attempt: number; readonly max_attempts: number; readonly crashes: number; readonly priority: number; readonly run_at: Date; readonly finished_at: Date | null; readonly reason: string | null; readonly extras: unknown | null; readonly last_error: unknown | null; readonly seen_at: Date; readonly queue_paused_at: Date | null; readonly task_paused_at: Date | null; readonly holder: string | null; readonly ahead: number | null; readonly gate: string | null; readonly gate_limit: unknown | null; readonly gate_opens_at: Date | null; readonly worker: number | null; readonly claimed_at: Date | null; readonly worker_info: unknown | null; readonly heartbeat_at: Date | null; readonly expires_at: Date | null; readonly silent: boolean | null; readonly live: number | null; readonly serving: number | null; readonly knowing: number | null; readonly allowed: number | null; readonly slots: number | null; readonly free: number | null; readonly busy_with: readonly string[] | null }
> = {
  name: "explain_job",
  text: "select id, state, task, queue, attempt, max_attempts, crashes, priority, run_at, finished_at, reason, extras, last_error,\n       seen_at, queue_paused_at, task_paused_at, holder, ahead, gate, gate_limit, gate_opens_at, worker, claimed_at,\n       worker_info, heartbeat_at, expires_at, silent, live, serving, knowing, allowed, slots, free, busy_with\n  from kongtask.explain_job($1::int8, true)",
  parameters: [["id","int8"]],
  columns: [["id","int8"],["state","text"],["task","text"],["queue","text"],["attempt","int2"],["max_attempts","int2"],["crashes","int2"],["priority","int2"],["run_at","timestamptz"],["finished_at","timestamptz"],["reason","text"],["extras","jsonb"],["last_error","jsonb"],["seen_at","timestamptz"],["queue_paused_at","timestamptz"],["task_paused_at","timestamptz"],["holder","int8"],["ahead","int4"],["gate","text"],["gate_limit","jsonb"],["gate_opens_at","timestamptz"],["worker","int4"],["claimed_at","timestamptz"],["worker_info","jsonb"],["heartbeat_at","timestamptz"],["expires_at","timestamptz"],["silent","bool"],["live","int4"],["serving","int4"],["knowing","int4"],["allowed","int4"],["slots","int4"],["free","int4"],["busy_with","int8[]"]],
}

export const exportEndedJobs: Statement<
  { readonly filter: string; readonly dead: boolean; readonly kept: boolean; readonly after_id: string; readonly limit: number; readonly most_text: number },
  { readonly id: string; readonly task: string; readonly queue: string; readonly payload: string; readonly state: string; readonly attempt: number; readonly max_attempts: number; readonly priority: number; readonly run_at: Date; readonly created_at: Date; readonly finished_at: Date; readonly retain_s: number | null; readonly extras: unknown | null; readonly errors: unknown | null }
> = {
  name: "export_ended_jobs",
  text: "select id, task, queue, payload, state, attempt, max_attempts, priority, run_at, created_at, finished_at, retain_s, extras,\n       errors\n  from kongtask.export_ended_jobs($1::jsonb, $2::bool, $3::bool, $4::int8, $5::int4, $6::int4)",
  parameters: [["filter","jsonb"],["dead","bool"],["kept","bool"],["after_id","int8"],["limit","int4"],["most_text","int4"]],
  columns: [["id","int8"],["task","text"],["queue","text"],["payload","text"],["state","text"],["attempt","int2"],["max_attempts","int2"],["priority","int2"],["run_at","timestamptz"],["created_at","timestamptz"],["finished_at","timestamptz"],["retain_s","int4"],["extras","jsonb"],["errors","jsonb"]],
}

export const exportLiveJobs: Statement<
  { readonly filter: string; readonly after_queue: number; readonly after_id: string; readonly limit: number; readonly most_text: number },
  { readonly queue_id: number; readonly id: string; readonly task: string; readonly queue: string; readonly payload: string; readonly state: string; readonly attempt: number; readonly max_attempts: number; readonly priority: number; readonly run_at: Date; readonly created_at: Date; readonly retain_s: number; readonly extras: unknown | null; readonly errors: unknown | null }
> = {
  name: "export_live_jobs",
  text: "select queue_id, id, task, queue, payload, state, attempt, max_attempts, priority, run_at, created_at, retain_s, extras, errors\n  from kongtask.export_live_jobs($1::jsonb, $2::int4, $3::int8, $4::int4, $5::int4)",
  parameters: [["filter","jsonb"],["after_queue","int4"],["after_id","int8"],["limit","int4"],["most_text","int4"]],
  columns: [["queue_id","int4"],["id","int8"],["task","text"],["queue","text"],["payload","text"],["state","text"],["attempt","int2"],["max_attempts","int2"],["priority","int2"],["run_at","timestamptz"],["created_at","timestamptz"],["retain_s","int4"],["extras","jsonb"],["errors","jsonb"]],
}

export const extendDays: Statement<
  Record<never, never>,
  { readonly added: number }
> = {
  name: "extend_days",
  text: "select sum(kongtask.extend_days(t.name))::int4 as added from unnest(kongtask.daily_tables()) as t (name)",
  parameters: [],
  columns: [["added","int4"]],
}

export const finalizeDay: Statement<
  Record<never, never>,
  Record<never, never>
> = {
  name: "finalize_day",
  text: "alter table kongtask.daily detach partition kongtask.daily_00000000 finalize",
  parameters: [],
  columns: [],
}

export const findAbsentWorkers: Statement<
  Record<never, never>,
  { readonly worker: number; readonly heartbeat: string }
> = {
  name: "find_absent_workers",
  text: "select worker, heartbeat from kongtask.absent_workers()",
  parameters: [],
  columns: [["worker","int4"],["heartbeat","text"]],
}

export const findChores: Statement<
  Record<never, never>,
  { readonly rescue: boolean; readonly absent: boolean; readonly sweep: boolean; readonly park: boolean; readonly lift: boolean; readonly next_tick_in: number | null; readonly unsettled: readonly string[] | null }
> = {
  name: "find_chores",
  text: "select o_rescue as rescue, o_absent as absent, o_sweep as sweep, o_park as park, o_lift as lift,\n       kongtask.next_tick_in() as next_tick_in, kongtask.unsettled_applications() as unsettled\nfrom kongtask.find_chores()",
  parameters: [],
  columns: [["rescue","bool"],["absent","bool"],["sweep","bool"],["park","bool"],["lift","bool"],["next_tick_in","float8"],["unsettled","text[]"]],
}

export const fireSchedule: Statement<
  { readonly name: string; readonly revision: string; readonly from: Date; readonly ticks: string; readonly following: Date | null },
  { readonly tick: Date; readonly is_caught_up: boolean; readonly job_id: string; readonly status: string }
> = {
  name: "fire_schedule",
  text: "select tick, is_caught_up, job_id::text as job_id, status\n  from kongtask.fire_schedule($1::text, $2::int8, $3::timestamptz, $4::jsonb, $5::timestamptz)",
  parameters: [["name","text"],["revision","int8"],["from","timestamptz"],["ticks","jsonb"],["following","timestamptz"]],
  columns: [["tick","timestamptz"],["is_caught_up","bool"],["job_id","text"],["status","text"]],
}

export const groupDeadLetters: Statement<
  { readonly filter: string; readonly scan: number },
  { readonly task: string; readonly error: string; readonly letters: string; readonly first_at: Date; readonly last_at: Date; readonly example: string; readonly message: string; readonly looked: string }
> = {
  name: "group_dead_letters",
  text: "select task, error, letters, first_at, last_at, example, message, looked\n  from kongtask.group_dead_letters($1::jsonb, $2::int4)",
  parameters: [["filter","jsonb"],["scan","int4"]],
  columns: [["task","text"],["error","text"],["letters","int8"],["first_at","timestamptz"],["last_at","timestamptz"],["example","int8"],["message","text"],["looked","int8"]],
}

export const heartbeat: Statement<
  { readonly worker: number; readonly nonce: string; readonly lease: number; readonly known: readonly number[]; readonly before: number; readonly heard: readonly string[]; readonly session: string | null; readonly is_direct: boolean },
  { readonly alive: boolean; readonly messages: unknown | null; readonly rescue: boolean; readonly absent: boolean; readonly seen: boolean }
> = {
  name: "heartbeat",
  text: "select o_alive as alive, o_messages as messages, o_rescue as rescue, o_absent as absent, o_seen as seen\nfrom kongtask.heartbeat($1::int4, $2::uuid, $3::float8, $4::int4[], $5::int4, $6::int8[], $7::jsonb, $8::bool)",
  parameters: [["worker","int4"],["nonce","uuid"],["lease","float8"],["known","int4[]"],["before","int4"],["heard","int8[]"],["session","jsonb"],["is_direct","bool"]],
  columns: [["alive","bool"],["messages","jsonb"],["rescue","bool"],["absent","bool"],["seen","bool"]],
}

export const importJobs: Statement<
  { readonly source: string; readonly kinds: string; readonly kind: string | null; readonly payloads: string; readonly facts: string },
  { readonly id: string | null; readonly status: string }
> = {
  name: "import_jobs",
  text: "select id, status from kongtask.import_jobs($1::text, $2::text::jsonb, $3::text::int4[], $4::text::jsonb, $5::text::jsonb)",
  parameters: [["source","text"],["kinds","text"],["kind","text"],["payloads","text"],["facts","text"]],
  columns: [["id","text"],["status","text"]],
}

export const insertJobs: Statement<
  { readonly kinds: string; readonly kind: string | null; readonly payloads: string },
  { readonly id: string; readonly status: string }
> = {
  name: "insert_jobs",
  text: "select id, status from kongtask.insert_jobs($1::text::jsonb, $2::text::int4[], $3::text::jsonb)",
  parameters: [["kinds","text"],["kind","text"],["payloads","text"]],
  columns: [["id","text"],["status","text"]],
}

export const isRegistered: Statement<
  { readonly worker: number },
  { readonly registered: boolean }
> = {
  name: "is_registered",
  text: "select exists (select from kongtask.workers w where w.id = $1::int4) as registered",
  parameters: [["worker","int4"]],
  columns: [["registered","bool"]],
}

export const liftGates: Statement<
  { readonly queue: number | null; readonly gate: string | null; readonly limit: number },
  { readonly queue: number | null; readonly gate: string | null; readonly opened: number }
> = {
  name: "lift_gates",
  text: "select p_queue as queue, p_gate as gate, o_opened as opened from kongtask.lift_gates($1::int4, $2::text, $3::int4)",
  parameters: [["queue","int4"],["gate","text"],["limit","int4"]],
  columns: [["queue","int4"],["gate","text"],["opened","int4"]],
}

export const limitQueue: Statement<
  { readonly name: string; readonly concurrency: string | null; readonly rate: string | null },
  Record<never, never>
> = {
  name: "limit_queue",
  text: "select kongtask.limit_queue($1::text, $2::jsonb, $3::jsonb)",
  parameters: [["name","text"],["concurrency","jsonb"],["rate","jsonb"]],
  columns: [],
}

export const listHeldJobs: Statement<
  { readonly limit: number },
  { readonly worker: number; readonly id: string; readonly task: string; readonly queue: string; readonly claimed_at: Date }
> = {
  name: "list_held_jobs",
  text: "select h.worker, h.id, t.name as task, q.name as queue, h.claimed_at\n  from kongtask.held_jobs(null, null, $1::int4) h\n  join kongtask.tasks t on t.id = h.task_id\n  join kongtask.queues q on q.id = h.queue_id\n order by h.worker, h.claimed_at, h.id",
  parameters: [["limit","int4"]],
  columns: [["worker","int4"],["id","int8"],["task","text"],["queue","text"],["claimed_at","timestamptz"]],
}

export const listJobs: Statement<
  { readonly filter: string; readonly before: string | null; readonly limit: number; readonly scan: number },
  { readonly next: string | null; readonly scanned: number; readonly id: string | null; readonly task: string | null; readonly queue: string | null; readonly payload: unknown | null; readonly state: string | null; readonly attempt: number | null; readonly max_attempts: number | null; readonly priority: number | null; readonly run_at: Date | null; readonly created_at: Date | null; readonly finished_at: Date | null; readonly extras: unknown | null; readonly errors: unknown | null; readonly result: unknown | null }
> = {
  name: "list_jobs",
  text: "select w.o_next as next, w.o_scanned as scanned, f.id, f.task, f.queue, f.payload, f.state, f.attempt, f.max_attempts,\n       f.priority, f.run_at, f.created_at, f.finished_at, f.extras, f.errors, f.result\n  from kongtask.walk_jobs($1::jsonb, $2::int8, $3::int4, $4::int4) as w\n  left join lateral kongtask.read_jobs(w.o_ids, w.o_queues) as f on true",
  parameters: [["filter","jsonb"],["before","int8"],["limit","int4"],["scan","int4"]],
  columns: [["next","int8"],["scanned","int4"],["id","int8"],["task","text"],["queue","text"],["payload","jsonb"],["state","text"],["attempt","int2"],["max_attempts","int2"],["priority","int2"],["run_at","timestamptz"],["created_at","timestamptz"],["finished_at","timestamptz"],["extras","jsonb"],["errors","jsonb"],["result","jsonb"]],
}

export const listQueues: Statement<
  { readonly limit: number },
  { readonly name: string; readonly paused_at: Date | null; readonly concurrency: number | null; readonly rate: unknown | null; readonly scheduled: number; readonly ready: number; readonly running: number; readonly oldest_at: Date | null; readonly seen_at: Date }
> = {
  name: "list_queues",
  text: "select name, paused_at, concurrency, rate, scheduled, ready, running, oldest_at, seen_at from kongtask.list_queues($1::int4)",
  parameters: [["limit","int4"]],
  columns: [["name","text"],["paused_at","timestamptz"],["concurrency","int4"],["rate","jsonb"],["scheduled","int4"],["ready","int4"],["running","int4"],["oldest_at","timestamptz"],["seen_at","timestamptz"]],
}

export const listScheduleChanges: Statement<
  { readonly name: string | null; readonly before: string | null; readonly limit: number },
  { readonly id: string; readonly schedule: string; readonly at: Date; readonly by: string; readonly verb: string; readonly before: unknown | null; readonly after: unknown | null }
> = {
  name: "list_schedule_changes",
  text: "select c.id, c.schedule, c.at, c.by, c.verb, c.before, c.after\n  from kongtask.schedule_changes c\n where ($1::text is null or c.schedule = $1::text) and ($2::int8 is null or c.id < $2::int8)\n order by c.id desc limit $3::int4",
  parameters: [["name","text"],["before","int8"],["limit","int4"]],
  columns: [["id","int8"],["schedule","text"],["at","timestamptz"],["by","text"],["verb","text"],["before","jsonb"],["after","jsonb"]],
}

export const listScheduleTicks: Statement<
  { readonly name: string; readonly limit: number },
  { readonly tick: Date; readonly fired_at: Date; readonly caught_up: boolean; readonly job_id: string; readonly status: string }
> = {
  name: "list_schedule_ticks",
  text: "select t.tick, t.fired_at, t.caught_up, t.job_id::text as job_id, t.status\n  from kongtask.schedule_ticks t\n where t.schedule = $1::text and t.job_id is not null\n order by t.tick desc limit $2::int4",
  parameters: [["name","text"],["limit","int4"]],
  columns: [["tick","timestamptz"],["fired_at","timestamptz"],["caught_up","bool"],["job_id","text"],["status","text"]],
}

export const listSchedules: Statement<
  { readonly name: string | null },
  { readonly name: string; readonly source: string; readonly application: string | null; readonly expression: string; readonly tz: string; readonly catch_up: string; readonly within_ms: number; readonly job: unknown; readonly payload: unknown; readonly paused_at: Date | null; readonly next_tick: Date | null; readonly last_tick: Date | null; readonly revision: string; readonly created_at: Date; readonly changed_at: Date }
> = {
  name: "list_schedules",
  text: "select s.name, s.source, s.application, s.expression, s.tz, s.catch_up, s.within_ms, s.job, s.payload, s.paused_at,\n       s.next_tick, s.last_tick, s.revision, s.created_at, s.changed_at\n  from kongtask.schedules s\n where $1::text is null or s.name = $1::text\n order by s.name",
  parameters: [["name","text"]],
  columns: [["name","text"],["source","text"],["application","text"],["expression","text"],["tz","text"],["catch_up","text"],["within_ms","float8"],["job","jsonb"],["payload","jsonb"],["paused_at","timestamptz"],["next_tick","timestamptz"],["last_tick","timestamptz"],["revision","int8"],["created_at","timestamptz"],["changed_at","timestamptz"]],
}

export const listTasks: Statement<
  Record<never, never>,
  { readonly name: string; readonly paused_at: Date | null; readonly defaults: unknown; readonly workers: number }
> = {
  name: "list_tasks",
  text: "with known as (\n  select task.name, count(*) as workers\n    from kongtask.workers w\n   cross join jsonb_array_elements_text(w.info -> 'tasks') as task (name)\n   where w.rescued_at is null and w.expires_at > clock_timestamp()\n   group by task.name\n)\nselect t.name, t.paused_at, t.defaults, coalesce(known.workers, 0)::int4 as workers\n  from kongtask.tasks t\n  left join known on known.name = t.name\n order by t.name",
  parameters: [],
  columns: [["name","text"],["paused_at","timestamptz"],["defaults","jsonb"],["workers","int4"]],
}

export const listWorkers: Statement<
  Record<never, never>,
  { readonly worker: number; readonly started_at: Date; readonly heartbeat_at: Date; readonly expires_at: Date; readonly silent: boolean; readonly info: unknown }
> = {
  name: "list_workers",
  text: "select w.id as worker, w.started_at, w.heartbeat_at, w.expires_at, w.expires_at < clock_timestamp() as silent, w.info\n  from kongtask.workers w\n where w.rescued_at is null\n order by w.id",
  parameters: [],
  columns: [["worker","int4"],["started_at","timestamptz"],["heartbeat_at","timestamptz"],["expires_at","timestamptz"],["silent","bool"],["info","jsonb"]],
}

export const listen: Statement<
  Record<never, never>,
  Record<never, never>
> = {
  name: "listen",
  text: "listen \"kongtask:ready\";\nlisten \"kongtask:worker\";\nlisten \"kongtask:schedule\"",
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

export const moveClock: Statement<
  Record<never, never>,
  Record<never, never>
> = {
  name: "move_clock",
  text: "create or replace function kongtask.clock() returns timestamptz\nlanguage sql volatile parallel safe\nreturn clock_timestamp() + interval '0 ms'",
  parameters: [],
  columns: [],
}

export const nextDue: Statement<
  { readonly since: string | null },
  { readonly at: string; readonly due_in: number | null }
> = {
  name: "next_due",
  text: "select c.us as at,\n       least((select (min(kongtask.microseconds(j.run_at)) - c.us) / 1e3::float8\n                from kongtask.jobs j\n               where j.worker = 0 and kongtask.microseconds(j.run_at) > coalesce($1::int8, c.us)),\n             kongtask.next_tick_in()) as due_in\n  from (select kongtask.microseconds(kongtask.clock()) as us) as c",
  parameters: [["since","int8"]],
  columns: [["at","int8"],["due_in","float8"]],
}

export const nextTickIn: Statement<
  Record<never, never>,
  { readonly due_in: number | null }
> = {
  name: "next_tick_in",
  text: "select kongtask.next_tick_in() as due_in",
  parameters: [],
  columns: [["due_in","float8"]],
}

export const parkJobs: Statement<
  { readonly limit: number },
  { readonly parked: number }
> = {
  name: "park_jobs",
  text: "select kongtask.park_jobs($1::int4) as parked",
  parameters: [["limit","int4"]],
  columns: [["parked","int4"]],
}

export const pauseQueue: Statement<
  { readonly name: string },
  Record<never, never>
> = {
  name: "pause_queue",
  text: "select kongtask.pause_queue($1::text)",
  parameters: [["name","text"]],
  columns: [],
}

export const pauseSchedule: Statement<
  { readonly name: string; readonly by: string | null },
  { readonly known: boolean }
> = {
  name: "pause_schedule",
  text: "select kongtask.pause_schedule($1::text, $2::text) as known",
  parameters: [["name","text"],["by","text"]],
  columns: [["known","bool"]],
}

export const pauseTask: Statement<
  { readonly name: string },
  Record<never, never>
> = {
  name: "pause_task",
  text: "select kongtask.pause_task($1::text)",
  parameters: [["name","text"]],
  columns: [],
}

export const pruneOverflow: Statement<
  { readonly limit: number },
  { readonly jobs: number; readonly letters: number }
> = {
  name: "prune_overflow",
  text: "with expired as (\n  select o.ctid from kongtask.history_overflow o\n   where o.expires_at < (select kongtask.clock())\n   order by o.expires_at\n   limit $1::int4\n     for update skip locked\n),\ngone as (\n  delete from kongtask.history_overflow o using expired where o.ctid = expired.ctid returning 1\n),\nexpired_letters as (\n  select d.ctid from kongtask.dead_letters_lasting d\n   where d.expires_at < 'infinity' and d.expires_at < (select kongtask.clock())\n   order by d.expires_at\n   limit $1::int4\n     for update skip locked\n),\ngone_letters as (\n  delete from kongtask.dead_letters_lasting d using expired_letters where d.ctid = expired_letters.ctid returning 1\n)\nselect (select count(*) from gone)::int4 as jobs, (select count(*) from gone_letters)::int4 as letters",
  parameters: [["limit","int4"]],
  columns: [["jobs","int4"],["letters","int4"]],
}

export const pruneRecords: Statement<
  { readonly after: string | null; readonly limit: number },
  { readonly after: string | null; readonly pruned: number }
> = {
  name: "prune_records",
  text: "select p_after as after, o_pruned as pruned from kongtask.prune_records($1::int8, $2::int4)",
  parameters: [["after","int8"],["limit","int4"]],
  columns: [["after","int8"],["pruned","int4"]],
}

export const pruneSchedules: Statement<
  { readonly ticks_ms: number; readonly changes_ms: number; readonly limit: number },
  { readonly more: boolean }
> = {
  name: "prune_schedules",
  text: "select kongtask.prune_schedules($1::float8, $2::float8, $3::int4) as more",
  parameters: [["ticks_ms","float8"],["changes_ms","float8"],["limit","int4"]],
  columns: [["more","bool"]],
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

export const readClock: Statement<
  Record<never, never>,
  { readonly at: Date; readonly workers: number }
> = {
  name: "read_clock",
  text: "select kongtask.clock() as at,\n       (select count(*)::int4 from kongtask.workers w where w.rescued_at is null and w.expires_at > clock_timestamp()) as workers",
  parameters: [],
  columns: [["at","timestamptz"],["workers","int4"]],
}

export const readEnds: Statement<
  { readonly ids: readonly string[] },
  { readonly id: string; readonly state: string; readonly result: string | null; readonly reason: string | null; readonly error: unknown | null }
> = {
  name: "read_ends",
  text: "select id, state, result::text, reason, error\n  from kongtask.read_ends($1::int8[])",
  parameters: [["ids","int8[]"]],
  columns: [["id","int8"],["state","text"],["result","text"],["reason","text"],["error","jsonb"]],
}

export const readExpiredDays: Statement<
  Record<never, never>,
  { readonly daily: string; readonly day: string; readonly attached: boolean; readonly pending: boolean }
> = {
  name: "read_expired_days",
  text: "select parent.relname::text as daily, right(c.relname, 8) as day, i.inhrelid is not null as attached,\n       coalesce(i.inhdetachpending, false) as pending\n  from unnest(kongtask.daily_tables()) as t (name)\n  join pg_class history on history.oid = 'kongtask.history'::regclass\n  join pg_class parent on parent.relnamespace = history.relnamespace and parent.relname = t.name\n  join pg_class c on c.relnamespace = parent.relnamespace and c.relkind = 'r' and c.relname ~ ('^' || t.name || '_[0-9]{8}$')\n  left join pg_inherits i on i.inhrelid = c.oid and i.inhparent = parent.oid\n where right(c.relname, 8) < to_char((kongtask.clock() - interval '1 hour') at time zone 'UTC', 'YYYYMMDD')\n order by c.relname",
  parameters: [],
  columns: [["daily","text"],["day","text"],["attached","bool"],["pending","bool"]],
}

export const readFlow: Statement<
  { readonly since: string; readonly until: string; readonly oldest: string; readonly newest: string; readonly days: readonly (string | null)[]; readonly blocks: readonly string[] },
  { readonly queue: string; readonly task: string; readonly added: number; readonly completed: number; readonly failed: number }
> = {
  name: "read_flow",
  text: "with looks as materialized (\n  select 'epoch'::timestamptz + $1::int8 * interval '1 microsecond' as since,\n         'epoch'::timestamptz + $2::int8 * interval '1 microsecond' as until\n), marks as materialized (\n  select m.day::timestamp at time zone 'UTC' as day,\n         (m.day::timestamp + interval '1 day') at time zone 'UTC' as next_day,\n         ('(' || greatest(m.block - 64, 0) || ',0)')::tid as place\n    from unnest($5::text[], $6::int8[]) as m (day, block)\n), ended as materialized (\n  -- A subquery for each day, so that each is read from its own mark on.\n  select (select jsonb_agg(jsonb_build_array(x.queue_id, x.task_id, x.jobs))\n            from (select h.queue_id, h.task_id, count(*) as jobs\n                    from kongtask.history h\n                   where h.expires_at >= m.day and h.expires_at < m.next_day and h.ctid >= m.place\n                     and h.finished_at > l.since and h.finished_at <= l.until and h.completed\n                   group by h.queue_id, h.task_id) as x) as found\n    from marks m\n   cross join looks l\n), counted (queue_id, task_id, added, completed, failed) as (\n  select j.queue_id, j.task_id, count(*), 0, 0\n    from kongtask.queues q\n   cross join lateral (\n           select j.queue_id, j.task_id from kongtask.jobs j\n            where j.queue_id = q.id and j.id > $3::int8 and j.id <= $4::int8) as j\n   group by j.queue_id, j.task_id\n  union all\n  select h.queue_id, h.task_id, count(*), 0, 0\n    from kongtask.history h\n   where h.id > $3::int8 and h.id <= $4::int8\n   group by h.queue_id, h.task_id\n  union all\n  select d.queue_id, d.task_id, count(*), 0, 0\n    from kongtask.dead_letters d\n   where d.id > $3::int8 and d.id <= $4::int8\n   group by d.queue_id, d.task_id\n  union all\n  select (x ->> 0)::int4, (x ->> 1)::int4, 0, (x ->> 2)::int8, 0\n    from ended e\n   cross join lateral jsonb_array_elements(e.found) as x\n  union all\n  select d.queue_id, d.task_id, 0, 0, count(*)\n    from looks l\n    join kongtask.dead_letters d on d.finished_at > l.since and d.finished_at <= l.until\n   group by d.queue_id, d.task_id\n  union all\n  select r.queue_id, r.task_id, 0, 0, count(*)\n    from looks l\n   cross join kongtask.queues q\n   cross join generate_series(0, 15) as priority (number)\n   cross join lateral (\n           select j.queue_id, j.task_id, (j.errors -> -1 ->> 'at')::timestamptz as failed_at from kongtask.jobs j\n            where j.queue_id = q.id and j.lane = priority.number and j.run_at > l.since\n            order by j.run_at, j.id limit 10000) as r\n   where r.failed_at > l.since and r.failed_at <= l.until\n   group by r.queue_id, r.task_id\n)\nselect q.name as queue, t.name as task, sum(c.added)::int4 as added, sum(c.completed)::int4 as completed,\n       sum(c.failed)::int4 as failed\n  from counted c\n  join kongtask.queues q on q.id = c.queue_id\n  join kongtask.tasks t on t.id = c.task_id\n group by q.name, t.name\n order by q.name, t.name",
  parameters: [["since","int8"],["until","int8"],["oldest","int8"],["newest","int8"],["days","text[]"],["blocks","int8[]"]],
  columns: [["queue","text"],["task","text"],["added","int4"],["completed","int4"],["failed","int4"]],
}

export const readFlowMarks: Statement<
  Record<never, never>,
  { readonly at: string; readonly newest: string; readonly days: readonly string[]; readonly blocks: readonly string[] }
> = {
  name: "read_flow_marks",
  text: "select (extract(epoch from kongtask.clock()) * 1000000)::int8 as at,\n       coalesce(pg_sequence_last_value('kongtask.job_ids'::regclass), 0) as newest,\n       coalesce(array_agg(right(c.relname, 8)::text order by c.relname), '{}') as days,\n       coalesce(array_agg(pg_relation_size(c.oid) / current_setting('block_size')::int8 order by c.relname), '{}') as blocks\n  from pg_inherits i\n  join pg_class c on c.oid = i.inhrelid\n where i.inhparent = 'kongtask.history'::regclass and c.relname ~ '_[0-9]{8}$'",
  parameters: [],
  columns: [["at","int8"],["newest","int8"],["days","text[]"],["blocks","int8[]"]],
}

export const readInSnapshot: Statement<
  Record<never, never>,
  Record<never, never>
> = {
  name: "read_in_snapshot",
  text: "set transaction isolation level repeatable read, read only",
  parameters: [],
  columns: [],
}

export const readJob: Statement<
  { readonly id: string },
  { readonly id: string; readonly task: string; readonly queue: string; readonly payload: unknown; readonly state: string; readonly attempt: number; readonly max_attempts: number; readonly priority: number; readonly run_at: Date; readonly created_at: Date; readonly finished_at: Date | null; readonly extras: unknown | null; readonly errors: unknown | null; readonly result: unknown | null; readonly progress: unknown | null }
> = {
  name: "read_job",
  text: "select id, task, queue, payload, state, attempt, max_attempts, priority, run_at, created_at, finished_at, extras, errors,\n       result, progress\n  from kongtask.read_job($1::int8)",
  parameters: [["id","int8"]],
  columns: [["id","int8"],["task","text"],["queue","text"],["payload","jsonb"],["state","text"],["attempt","int2"],["max_attempts","int2"],["priority","int2"],["run_at","timestamptz"],["created_at","timestamptz"],["finished_at","timestamptz"],["extras","jsonb"],["errors","jsonb"],["result","jsonb"],["progress","jsonb"]],
}

export const readLogs: Statement<
  { readonly job: string; readonly attempt: number | null; readonly after: string; readonly limit: number },
  { readonly id: string; readonly attempt: number; readonly at: Date; readonly level: number; readonly message: string; readonly fields: unknown | null }
> = {
  name: "read_logs",
  text: "select l.id, l.attempt, l.at, l.level, l.message, l.fields\n  from kongtask.logs l\n where l.job_id = $1::int8 and l.id > $3::int8 and ($2::int4 is null or l.attempt = $2::int4) and l.expires_at > kongtask.clock()\n order by l.id\n limit $4::int4",
  parameters: [["job","int8"],["attempt","int4"],["after","int8"],["limit","int4"]],
  columns: [["id","int8"],["attempt","int2"],["at","timestamptz"],["level","int2"],["message","text"],["fields","jsonb"]],
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

export const readSteps: Statement<
  { readonly id: string },
  { readonly name: string; readonly result: string | null; readonly wakes_in: string | null }
> = {
  name: "read_steps",
  text: "select s.name, s.result::text as result, ceil(extract(epoch from s.until - kongtask.clock()) * 1000)::int8 as wakes_in\n  from kongtask.steps s\n where s.job_id = $1::int8",
  parameters: [["id","int8"]],
  columns: [["name","text"],["result","text"],["wakes_in","int8"]],
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

export const registerWorker: Statement<
  { readonly lease: number; readonly info: string; readonly session: string | null },
  { readonly worker: number; readonly nonce: string }
> = {
  name: "register_worker",
  text: "select worker, nonce from kongtask.register_worker($1::float8, $2::jsonb, $3::jsonb)",
  parameters: [["lease","float8"],["info","jsonb"],["session","jsonb"]],
  columns: [["worker","int4"],["nonce","uuid"]],
}

export const reprioritiseJobs: Statement<
  { readonly ids: readonly string[]; readonly queues: readonly number[] | null; readonly priority: number; readonly filter: string },
  { readonly id: string; readonly status: string }
> = {
  name: "reprioritise_jobs",
  text: "select id, status from kongtask.reprioritise_jobs($1::int8[], $2::int4[], $3::int4, $4::jsonb)",
  parameters: [["ids","int8[]"],["queues","int4[]"],["priority","int4"],["filter","jsonb"]],
  columns: [["id","int8"],["status","text"]],
}

export const rescheduleJobs: Statement<
  { readonly ids: readonly string[]; readonly queues: readonly number[] | null; readonly due: Date | null; readonly delay: number | null; readonly filter: string },
  { readonly id: string; readonly status: string }
> = {
  name: "reschedule_jobs",
  text: "select id, status from kongtask.reschedule_jobs($1::int8[], $2::int4[], $3::timestamptz, $4::float8, $5::jsonb)",
  parameters: [["ids","int8[]"],["queues","int4[]"],["due","timestamptz"],["delay","float8"],["filter","jsonb"]],
  columns: [["id","int8"],["status","text"]],
}

export const rescueAbsentWorkers: Statement<
  { readonly workers: readonly number[]; readonly heartbeats: readonly (string | null)[]; readonly self: number | null },
  { readonly workers: number; readonly jobs: number }
> = {
  name: "rescue_absent_workers",
  text: "select workers, jobs from kongtask.rescue_absent_workers($1::int4[], $2::text[], $3::int4)",
  parameters: [["workers","int4[]"],["heartbeats","text[]"],["self","int4"]],
  columns: [["workers","int4"],["jobs","int4"]],
}

export const rescueWorkers: Statement<
  { readonly self: number | null },
  { readonly workers: number; readonly jobs: number }
> = {
  name: "rescue_workers",
  text: "select workers, jobs from kongtask.rescue_workers($1::int4)",
  parameters: [["self","int4"]],
  columns: [["workers","int4"],["jobs","int4"]],
}

export const resealSchedule: Statement<
  { readonly name: string; readonly revision: string; readonly key: string; readonly payload: string },
  { readonly name: string }
> = {
  name: "reseal_schedule",
  text: "with resealed as (\n  update kongtask.schedules s\n     set job = s.job || jsonb_build_object('encryptionKey', $3::text), payload = $4::jsonb, revision = s.revision + 1\n   where s.name = $1::text and s.revision = $2::int8\n  returning s.name\n)\nselect r.name from resealed r cross join lateral pg_notify('kongtask:schedule', '')",
  parameters: [["name","text"],["revision","int8"],["key","text"],["payload","jsonb"]],
  columns: [["name","text"]],
}

export const resumeQueue: Statement<
  { readonly name: string },
  { readonly known: boolean }
> = {
  name: "resume_queue",
  text: "select kongtask.resume_queue($1::text) as known",
  parameters: [["name","text"]],
  columns: [["known","bool"]],
}

export const resumeSchedule: Statement<
  { readonly name: string; readonly revision: string; readonly next: Date | null; readonly by: string | null },
  { readonly resumed: boolean }
> = {
  name: "resume_schedule",
  text: "select kongtask.resume_schedule($1::text, $2::int8, $3::timestamptz, $4::text) as resumed",
  parameters: [["name","text"],["revision","int8"],["next","timestamptz"],["by","text"]],
  columns: [["resumed","bool"]],
}

export const resumeTask: Statement<
  { readonly name: string },
  { readonly known: boolean }
> = {
  name: "resume_task",
  text: "select kongtask.resume_task($1::text) as known",
  parameters: [["name","text"]],
  columns: [["known","bool"]],
}

export const retryJobs: Statement<
  { readonly ids: readonly string[]; readonly queues: readonly number[] | null; readonly filter: string },
  { readonly id: string; readonly status: string }
> = {
  name: "retry_jobs",
  text: "select id, status from kongtask.retry_jobs($1::int8[], $2::int4[], $3::jsonb)",
  parameters: [["ids","int8[]"],["queues","int4[]"],["filter","jsonb"]],
  columns: [["id","int8"],["status","text"]],
}

export const runAlone: Statement<
  { readonly worker: number; readonly nonce: string; readonly job: string | null; readonly claim: number | null },
  { readonly alive: boolean }
> = {
  name: "run_alone",
  text: "select kongtask.run_alone($1::int4, $2::uuid, $3::int8, $4::int4) as alive",
  parameters: [["worker","int4"],["nonce","uuid"],["job","int8"],["claim","int4"]],
  columns: [["alive","bool"]],
}

export const runSchedule: Statement<
  { readonly name: string; readonly by: string | null },
  { readonly job_id: string; readonly status: string }
> = {
  name: "run_schedule",
  text: "select job_id::text as job_id, status from kongtask.run_schedule($1::text, $2::text)",
  parameters: [["name","text"],["by","text"]],
  columns: [["job_id","text"],["status","text"]],
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

export const storeLogs: Statement<
  { readonly lines: string },
  Record<never, never>
> = {
  name: "store_logs",
  text: "select kongtask.store_logs($1::jsonb)",
  parameters: [["lines","jsonb"]],
  columns: [],
}

export const storeProgress: Statement<
  { readonly entries: string },
  Record<never, never>
> = {
  name: "store_progress",
  text: "select kongtask.store_progress($1::jsonb)",
  parameters: [["entries","jsonb"]],
  columns: [],
}

export const storeStep: Statement<
  { readonly worker: string; readonly claim: string; readonly queue: string; readonly id: string; readonly place: string; readonly name: string; readonly result: string | null; readonly sleep: string | null; readonly idle: string | null },
  { readonly wakes_in: string | null }
> = {
  name: "store_step",
  text: "select kongtask.store_step(\n  $1::text::int4, $2::text::int4, $3::text::int4, $4::text::int8, $5::text::tid, $6::text, $7::text::jsonb, $8::text::float8, $9::text::int4) as wakes_in",
  parameters: [["worker","text"],["claim","text"],["queue","text"],["id","text"],["place","text"],["name","text"],["result","text"],["sleep","text"],["idle","text"]],
  columns: [["wakes_in","int8"]],
}

export const sweepCompletions: Statement<
  Record<never, never>,
  { readonly swept: number }
> = {
  name: "sweep_completions",
  text: "select kongtask.sweep_completions() as swept",
  parameters: [],
  columns: [["swept","int4"]],
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

export const thisSession: Statement<
  Record<never, never>,
  { readonly pid: number; readonly session: string }
> = {
  name: "this_session",
  text: "select (session ->> 'pid')::int4 as pid, session::text as session from kongtask.this_session() as session",
  parameters: [],
  columns: [["pid","int4"],["session","text"]],
}

export const thisTransaction: Statement<
  Record<never, never>,
  { readonly pid: number; readonly began: string }
> = {
  name: "this_transaction",
  text: "select pg_backend_pid() as pid, now()::text as began\n  from set_config('tcp_keepalives_idle', '30', true) as idle, set_config('tcp_keepalives_interval', '10', true) as pause,\n       set_config('tcp_keepalives_count', '3', true) as count",
  parameters: [],
  columns: [["pid","int4"],["began","text"]],
}

export const unlockWorker: Statement<
  { readonly worker: number },
  { readonly released: number | null }
> = {
  name: "unlock_worker",
  text: "select kongtask.unlock_worker($1::int4) as released",
  parameters: [["worker","int4"]],
  columns: [["released","int4"]],
}

export const unparkJobs: Statement<
  { readonly limit: number },
  { readonly back: number }
> = {
  name: "unpark_jobs",
  text: "select kongtask.unpark_jobs($1::int4) as back",
  parameters: [["limit","int4"]],
  columns: [["back","int4"]],
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

export const walkJobs: Statement<
  { readonly filter: string; readonly before: string | null; readonly limit: number; readonly scan: number },
  { readonly ids: readonly string[]; readonly queues: readonly number[]; readonly next: string | null; readonly scanned: number }
> = {
  name: "walk_jobs",
  text: "select o_ids as ids, o_queues as queues, o_next as next, o_scanned as scanned\n  from kongtask.walk_jobs($1::jsonb, $2::int8, $3::int4, $4::int4)",
  parameters: [["filter","jsonb"],["before","int8"],["limit","int4"],["scan","int4"]],
  columns: [["ids","int8[]"],["queues","int4[]"],["next","int8"],["scanned","int4"]],
}

export const withdrawDay: Statement<
  { readonly daily: string; readonly day: string },
  Record<never, never>
> = {
  name: "withdraw_day",
  text: "select kongtask.withdraw_day($1::text::text, $2::text::text::date)",
  parameters: [["daily","text"],["day","text"]],
  columns: [],
}
