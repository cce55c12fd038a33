-- Adding. One function with one text-like parameter, so that every driver can call it on the caller's transaction.

-- Names become numbers. A name is written once in the life of the database; afterwards this is a look-up.
create function kongtask.intern(p_tasks text[], p_queues text[]) returns void
language plpgsql
as $$
begin
  -- Sorted, so that two adders of the same new names wait for each other instead of deadlocking.
  insert into kongtask.tasks (name)
  select distinct n from unnest(p_tasks) n
  where not exists (select from kongtask.tasks t where t.name = n)
  order by n
  on conflict do nothing;

  insert into kongtask.queues (name)
  select distinct n from unnest(p_queues) n
  where not exists (select from kongtask.queues q where q.name = n)
  order by n
  on conflict do nothing;
end
$$;

-- p_jobs: an array of { task, payload, queue?, priority?, maxAttempts?, delay?, dueAt?, timeout?, retain?, tags?,
-- metadata? }, checked by the caller. Durations are milliseconds. What is absent comes from the task's published
-- defaults, then from the built-in ones. Returns a row per entry, in order.
create function kongtask.insert_jobs(p_jobs jsonb)
returns table (ordinal int8, id text, status text)
language plpgsql
set jit = off
as $$
declare
  v_tasks text[];
  v_queues text[];
  v_ids int8[];
  v_awaited int4[];
begin
  -- With the transaction's number taken first, a job's position (its due time) is never older than its transaction.
  perform pg_current_xact_id();

  select array_agg(distinct e ->> 'task'),
         array_agg(distinct coalesce(e ->> 'queue', t.defaults ->> 'queue', 'default'))
    into v_tasks, v_queues
    from jsonb_array_elements(p_jobs) e
    left join kongtask.tasks t on t.name = e ->> 'task';
  perform kongtask.intern(v_tasks, v_queues);

  with entry as (
    select e.ord, t.id as task_id, q.id as queue_id, e.payload, e.delay, e.due_at, e.tags, e.metadata,
           coalesce(e.priority, (t.defaults ->> 'priority')::int2, 1::int2) as priority,
           coalesce(e.max_attempts, (t.defaults ->> 'maxAttempts')::int2, 25::int2) as max_attempts,
           coalesce(e.timeout, (t.defaults ->> 'timeout')::float8) as timeout,
           coalesce(e.retain, (t.defaults ->> 'retain')::float8, 86400000) as retain
      from rows from (
             jsonb_to_recordset(p_jobs) as (
               task text, payload jsonb, queue text, priority int2, "maxAttempts" int2, delay float8,
               "dueAt" timestamptz, timeout float8, retain float8, tags jsonb, metadata jsonb)
           ) with ordinality as e (
             task, payload, queue, priority, max_attempts, delay, due_at, timeout, retain, tags, metadata, ord)
      join kongtask.tasks t on t.name = e.task
      join kongtask.queues q on q.name = coalesce(e.queue, t.defaults ->> 'queue', 'default')
     order by e.ord
  ),
  -- Numbers are drawn behind the sort, so ids stand in the order of the entries.
  numbered as materialized (
    select entry.*, nextval('kongtask.job_ids') as job_id, kongtask.clock() as added_at from entry
  ),
  added as (
    insert into kongtask.jobs (id, run_at, created_at, queue_id, task_id, retain_s, priority, max_attempts, payload, extras)
    select n.job_id,
           greatest(n.added_at, n.due_at, n.added_at + n.delay * interval '1 ms'),
           n.added_at, n.queue_id, n.task_id, least(ceil(n.retain / 1000), 2147483647)::int4, n.priority,
           -- The payload null is JSON's, which unpacking turned into SQL's.
           n.max_attempts, coalesce(n.payload, 'null'),
           case when n.timeout is not null or n.tags is not null or n.metadata is not null
             then jsonb_strip_nulls(jsonb_build_object('timeout', n.timeout, 'tags', n.tags))
               || case when n.metadata is null then '{}' else jsonb_build_object('metadata', n.metadata) end
           end
      from numbered n
    returning jobs.queue_id, jobs.run_at, jobs.created_at
  )
  select (select array_agg(n.job_id order by n.ord) from numbered n),
         -- A worker sleeps until its next look; it must hear of what falls due before that.
         (select array_agg(distinct a.queue_id) from added a where a.run_at < a.created_at + interval '1 minute')
    into v_ids, v_awaited;

  -- A statement of its own, behind the insert: whoever looked before it saw the jobs or is told of them.
  perform pg_notify('kongtask:ready', q::text) from unnest(v_awaited) q;

  return query select x.ord, x.id::text, 'added'::text from unnest(v_ids) with ordinality as x (id, ord);
end
$$;
