-- What an execution leaves behind beside its outcome: the results of its steps, how far it is, what it logged.

-- Results that are kept over the attempts of a job. Steps live as long as their job is live or a dead letter: to resume it
-- is what they are for.
create table kongtask.steps (
  job_id int8 not null,
  name text not null,
  at timestamptz not null,
  -- Where the job was then: a hint for the pruner.
  queue_id int4 not null,
  -- Null: the step has none.
  result jsonb,
  -- A sleep: when it is over.
  until timestamptz,
  primary key (job_id, name)
) with (autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_threshold = 1000);

-- Stores what a step came to, under the job's lease, on whatever transaction it is called. p_sleep_ms: it is a sleep, of
-- that long. p_idle_ms: on a transaction of the handler's (hold_lease); null: on one of ours, which may try again.
-- Returns in how many milliseconds the sleep is over, null for none. Locks: the job's row.
create function kongtask.store_step(
  p_worker int4, p_claim int4, p_queue int4, p_id int8, p_place tid,
  p_name text, p_result jsonb, p_sleep_ms float8, p_idle_ms int4)
returns int8
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := kongtask.clock();
begin
  perform kongtask.hold_lease(p_worker, p_claim, p_queue, p_id, p_place, p_idle_ms);
  insert into kongtask.steps (job_id, name, at, queue_id, result, until)
  values (p_id, p_name, v_now, p_queue, p_result, v_now + p_sleep_ms * interval '1 ms')
  on conflict do nothing;
  if not found and p_idle_ms is not null then
    perform kongtask.refuse('KT_STEP_DUPLICATE', format('job %s has a result for its step "%s" already.', p_id, p_name));
  end if;
  return (select ceil(extract(epoch from s.until - v_now) * 1000)
            from kongtask.steps s
           where s.job_id = p_id and s.name = p_name);
end
$$;

-- How far jobs are, one row for each that ever said so; kept for a day behind the last word of a job that is gone.
create table kongtask.progress (
  job_id int8 primary key,
  at timestamptz not null,
  done float8 not null,
  total float8 not null,
  queue_id int4 not null,
  note text
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_threshold = 1000);

-- p_entries: an array of { id, queue, worker, claim, age (milliseconds), done, total, note? }, each job once. What a
-- process says of a job that runs elsewhere by now is passed over; of a job that is gone, it is the last word.
create function kongtask.store_progress(p_entries jsonb) returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
as $$
declare
  v_now timestamptz := kongtask.clock();
begin
  insert into kongtask.progress as p (job_id, at, done, total, queue_id, note)
  select e.id, v_now - e.age * interval '1 ms', e.done, e.total, e.queue, e.note
    from jsonb_to_recordset(p_entries)
           as e (id int8, queue int4, worker int4, claim int4, age float8, done float8, total float8, note text)
   where not exists (
         select from kongtask.jobs j
          where j.ctid = any (kongtask.places_of(e.queue, array[e.id]))
            and j.worker <> 0 and (j.worker <> e.worker or j.claim <> e.claim))
   order by e.id
  on conflict (job_id) do update
    set at = excluded.at, done = excluded.done, total = excluded.total, queue_id = excluded.queue_id, note = excluded.note;
end
$$;

create function kongtask.is_live(p_queue int4, p_id int8) returns bool
language plpgsql stable
as $$
begin
  return (kongtask.places_of(p_queue, array[p_id]))[1] is not null
      or exists (select from kongtask.queues q where (kongtask.places_of(q.id, array[p_id]))[1] is not null);
end
$$;

-- Takes away steps and progress of jobs that are gone, a batch at a time in order of the job. Returns where the batch
-- ended, null behind the last one.
create function kongtask.prune_records(inout p_after int8, p_limit int4, out o_pruned int4)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_after int8 := coalesce(p_after, 0);
  v_now timestamptz := kongtask.clock();
  v_gone int8[];
  v_seen int8;
  v_count int4;
begin
  with known as (
    (select s.job_id, s.queue_id from kongtask.steps s where s.job_id > v_after order by s.job_id, s.name limit p_limit)
    union
    (select p.job_id, p.queue_id from kongtask.progress p
      where p.job_id > v_after and p.at < v_now - interval '1 day'
      order by p.job_id limit p_limit)
    order by job_id limit p_limit
  )
  select max(k.job_id), count(*),
         array_agg(k.job_id) filter (where not kongtask.is_live(k.queue_id, k.job_id)
                                       and not exists (select from kongtask.dead_letters d
                                                        where d.id = k.job_id and d.expires_at > v_now))
    into p_after, v_seen, v_gone
    from known k;
  o_pruned := 0;
  if v_gone is not null then
    delete from kongtask.steps s where s.job_id = any (v_gone);
    get diagnostics o_pruned = row_count;
    delete from kongtask.progress p where p.job_id = any (v_gone) and p.at < v_now - interval '1 day';
    get diagnostics v_count = row_count;
    o_pruned := o_pruned + v_count;
  end if;
  -- Several rows of one job make fewer entries than were looked at: only none at all is the end.
  if v_seen = 0 then
    p_after := null;
  end if;
end
$$;

-- What handlers logged, partitioned by the day on which a line expires. No line is worth failing for, so none is fenced.
create sequence kongtask.log_ids as int8;

create table kongtask.logs (
  id int8 not null default nextval('kongtask.log_ids'),
  job_id int8 not null,
  at timestamptz not null,
  expires_at timestamptz not null,
  attempt int2 not null,
  -- 0 debug, 1 info, 2 warn, 3 error.
  level int2 not null,
  message text not null,
  fields jsonb
) partition by range (expires_at);

create index logs_job on kongtask.logs (job_id, id);

create table kongtask.logs_horizon (since timestamptz not null, until timestamptz not null);
create unique index logs_horizon_one on kongtask.logs_horizon ((true));
insert into kongtask.logs_horizon
select today, today from date_trunc('day', clock_timestamp(), 'UTC') as today;

create or replace function kongtask.daily_tables() returns text[]
language sql immutable
return array['history', 'dead_letters', 'logs'];

select kongtask.extend_days('logs');

-- p_lines: an array of { job, attempt, level, message, fields?, age, keep (both in milliseconds) }, in order. A line that
-- would outlive the last day that there is expires with that; one from before the first (the clock went back) with that.
create function kongtask.store_logs(p_lines jsonb) returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := kongtask.clock();
  v_days kongtask.logs_horizon;
begin
  -- Cheap where nothing is missing. Maintenance does it ahead of time, but a database may have slept for a month.
  perform kongtask.extend_days('logs');
  v_days := (select h from kongtask.logs_horizon h);
  insert into kongtask.logs (job_id, at, expires_at, attempt, level, message, fields)
  select l.job, v_now - l.age * interval '1 ms', greatest(least(v_now + l.keep * interval '1 ms', v_days.until - interval '1 ms'), v_days.since),
         l.attempt, l.level, l.message, l.fields
    from rows from (
           jsonb_to_recordset(p_lines)
             as (job int8, attempt int2, level int2, message text, fields jsonb, age float8, keep float8))
         with ordinality as l
   order by l.ordinality;
end
$$;

select kongtask.renew_access();
