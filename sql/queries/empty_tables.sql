-- Takes away all jobs, and what else was written since the tables were made, for tests. A TRUNCATE gives a table and each of its
-- indexes new files: what holds nothing has no pages, and is left as it is. What processes have registered stays: tasks,
-- queues, themselves.
do $$
declare
  v_touched text;
begin
  select string_agg(c.oid::regclass::text, ', ') into v_touched
    from pg_class c
   where c.relnamespace = '"kongtask"'::regnamespace
     and c.relkind = 'r'
     and c.relname not in ('migrations', 'settings', 'queues', 'tasks', 'workers', 'history_horizon', 'dead_letters_horizon',
       'logs_horizon')
     and pg_relation_size(c.oid) > 0;
  if v_touched is not null then
    execute 'truncate ' || v_touched;
  end if;
  update kongtask.queues set paused_at = null, concurrency = null, rate = null
   where paused_at is not null or concurrency is not null or rate is not null;
  update kongtask.tasks set paused_at = null where paused_at is not null;
end
$$
