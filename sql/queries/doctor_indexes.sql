-- Indexes that are missing, and those of our tables that PostgreSQL does not use. What should be there is held to what the
-- migrations make by test/cli/doctor.test.ts.
-- => name text
-- => fault text  missing or invalid
-- => remedy text  the statement that makes it anew
with wanted (name, owner, made, how) as (values
  ('chores_pkey', 'chores', 'primary key', '(name)'),
  ('claim_marks_newest', 'claim_marks', 'index', '(queue_id, run_at, id)'),
  ('claims_pkey', 'claims', 'primary key', '(worker, claim, queue_id)'),
  ('claims_limited', 'claims', 'index', '(queue_id) where limited_ids is not null'),
  ('claims_unlimited', 'claims', 'index', '(queue_id) where limited_ids is null'),
  ('completions_pkey', 'completions', 'primary key', '(worker, claim, job_id)'),
  ('dead_letters_id', 'dead_letters', 'partitioned', '(id)'),
  ('dead_letters_recent', 'dead_letters', 'partitioned', '(finished_at, id)'),
  ('dead_letters_horizon_one', 'dead_letters_horizon', 'unique index', '((true))'),
  ('dead_letters_lasting_expiry', 'dead_letters_lasting', 'index', '(expires_at) where expires_at < ''infinity'''),
  ('history_id', 'history', 'partitioned', '(id)'),
  ('history_horizon_one', 'history_horizon', 'unique index', '((true))'),
  ('history_overflow_id', 'history_overflow', 'index', '(id)'),
  ('history_overflow_expiry', 'history_overflow', 'index', '(expires_at)'),
  ('imports_pkey', 'imports', 'primary key', '(source, key)'),
  ('jobs_pkey', 'jobs', 'primary key', '(queue_id, id)'),
  ('jobs_lane', 'jobs', 'index', '(queue_id, lane, run_at, id)'),
  ('jobs_serial', 'jobs', 'index', '(queue_id, serial_key, id) where serial_key is not null'),
  ('jobs_parked', 'jobs', 'index', '(queue_id, waits_for, lane, run_at, id) where waits_for is not null'),
  ('logs_job', 'logs', 'partitioned', '(job_id, id)'),
  ('logs_horizon_one', 'logs_horizon', 'unique index', '((true))'),
  ('messages_pkey', 'messages', 'primary key', '(worker, id)'),
  ('migrations_pkey', 'migrations', 'primary key', '(number)'),
  ('progress_pkey', 'progress', 'primary key', '(job_id)'),
  ('queues_pkey', 'queues', 'primary key', '(id)'),
  ('queues_name_key', 'queues', 'unique', '(name)'),
  ('rates_pkey', 'rates', 'primary key', '(queue_id, gate)'),
  ('rates_waiting', 'rates', 'index', '(queue_id, opens_at) where opens_at is not null'),
  ('schedule_changes_pkey', 'schedule_changes', 'primary key', '(id)'),
  ('schedule_changes_of', 'schedule_changes', 'index', '(schedule, id)'),
  ('schedule_generations_pkey', 'schedule_generations', 'primary key', '(application, generation)'),
  ('schedule_sets_pkey', 'schedule_sets', 'primary key', '(application)'),
  ('schedule_ticks_pkey', 'schedule_ticks', 'primary key', '(schedule, tick)'),
  ('schedule_ticks_fired', 'schedule_ticks', 'index', '(fired_at)'),
  ('schedules_pkey', 'schedules', 'primary key', '(name)'),
  ('schedules_next', 'schedules', 'index', '(next_tick) where paused_at is null'),
  ('schedules_application', 'schedules', 'index', '(application)'),
  ('serial_keys_pkey', 'serial_keys', 'primary key', '(queue_id, key)'),
  ('serial_keys_unsettled', 'serial_keys', 'index', '(queue_id, key) where job_id is null'),
  ('settings_one', 'settings', 'unique index', '((true))'),
  ('steps_pkey', 'steps', 'primary key', '(job_id, name)'),
  ('tasks_pkey', 'tasks', 'primary key', '(id)'),
  ('tasks_name_key', 'tasks', 'unique', '(name)'),
  ('tasks_paused', 'tasks', 'index', '(id) where paused_at is not null'),
  ('tasks_parked', 'tasks', 'index', '(id) where has_parked'),
  ('unique_keys_pkey', 'unique_keys', 'primary key', '(task_id, key)'),
  ('workers_pkey', 'workers', 'primary key', '(id)')
), present as (
  select x.relname as name, i.indisvalid and i.indisready as sound, x.relkind, x.oid, t.relname as owner
    from pg_class t
    join pg_index i on i.indrelid = t.oid
    join pg_class x on x.oid = i.indexrelid
   where t.relnamespace = to_regnamespace('"kongtask"')
)
select w.name, 'missing' as fault,
       case w.made
         when 'index' then format('create index concurrently %I on %s %s', w.name, t.oid::regclass, w.how)
         when 'unique index' then format('create unique index concurrently %I on %s %s', w.name, t.oid::regclass, w.how)
         -- On a table in parts it cannot be made concurrently.
         when 'partitioned' then format('create index %I on %s %s', w.name, t.oid::regclass, w.how)
         else format('alter table %s add constraint %I %s %s', t.oid::regclass, w.name, w.made, w.how) end as remedy
  from wanted w
  join pg_class t on t.relnamespace = to_regnamespace('"kongtask"') and t.relname = w.owner
 where not exists (select from present p where p.name = w.name)
union all
-- One in parts is made valid by its parts.
select p.name::text, 'invalid', format('reindex index concurrently %s', p.oid::regclass)
  from present p
 where not p.sound and p.relkind = 'i'
 order by 2, 1
