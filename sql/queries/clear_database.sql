-- Takes away everything that is not KongTask's, and what processes have registered, for tests that use a database one after
-- the other.
do $$
declare
  v_schema text;
begin
  for v_schema in
    select n.nspname from pg_namespace n
     where n.nspname <> 'information_schema' and not starts_with(n.nspname, 'pg_')
       and n.oid <> '"kongtask"'::regnamespace
  loop
    execute format('drop schema %I cascade', v_schema);
  end loop;
  create schema public;
  delete from kongtask.workers;
  delete from kongtask.tasks;
  delete from kongtask.queues where name <> 'default';
end
$$
