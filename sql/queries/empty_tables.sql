-- Takes away all jobs, and what else was written since the tables were made, for tests. A TRUNCATE gives a table and each of its
-- indexes new files, which takes many times as long as to delete a few rows; and what holds nothing has no pages, and is left
-- as it is. What processes have registered stays: tasks, queues, themselves.
do $$
declare
  v_table text;
  v_size int8;
  v_large text[] := '{}';
begin
  for v_table, v_size in
    select c.oid::regclass::text, pg_relation_size(c.oid)
      from pg_class c
     where c.relnamespace = '"kongtask"'::regnamespace
       and c.relkind = 'r'
       and c.relname not in ('migrations', 'settings', 'queues', 'tasks', 'workers', 'history_horizon', 'dead_letters_horizon',
         'logs_horizon')
       and pg_relation_size(c.oid) > 0
  loop
    if v_size > 128 * 1024 then
      v_large := v_large || v_table;
    else
      execute 'delete from ' || v_table;
    end if;
  end loop;
  if v_large <> '{}' then
    execute 'truncate ' || array_to_string(v_large, ', ');
  end if;
  update kongtask.queues set paused_at = null, concurrency = null, rate = null
   where paused_at is not null or concurrency is not null or rate is not null;
  update kongtask.tasks set paused_at = null where paused_at is not null;
end
$$
