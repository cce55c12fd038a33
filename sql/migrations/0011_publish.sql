-- What a runner tells the database when it starts: its tasks with their contracts' defaults, and its queues.

-- p_tasks: { name: defaults }, null where there is no contract to publish. Returns the numbers of both, by name.
create function kongtask.publish(p_tasks jsonb, p_queues text[])
returns table (kind text, name text, id int4)
language plpgsql
as $$
begin
  perform kongtask.intern(array(select jsonb_object_keys(p_tasks)), p_queues);
  -- In order, so that two runners that start at once never wait for each other crosswise.
  perform from kongtask.tasks t
    where p_tasks ? t.name and p_tasks -> t.name <> 'null' and t.defaults <> p_tasks -> t.name
    order by t.id for no key update;
  update kongtask.tasks t
     set defaults = p_tasks -> t.name
   where p_tasks ? t.name and p_tasks -> t.name <> 'null' and t.defaults <> p_tasks -> t.name;
  return query
    select 'task'::text, t.name, t.id from kongtask.tasks t where p_tasks ? t.name
    union all
    select 'queue'::text, q.name, q.id from kongtask.queues q where p_queues is null or q.name = any (p_queues);
end
$$;
