-- The operator's side: what is paused and limited, who works on what, and why a job does not run.

-- Nothing of this queue is claimed from now on, and what processes have in memory goes back. One that nobody has used yet
-- is paused before it begins. Locks: the queue's row, which no claim and no adder waits for.
create function kongtask.pause_queue(p_name text) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_id int4;
begin
  perform kongtask.intern('{}', array[p_name]);
  update kongtask.queues q
     set paused_at = coalesce(q.paused_at, kongtask.clock())
   where q.name = p_name
  returning q.id into v_id;
  perform kongtask.tell_worker(null, jsonb_build_object('kind', 'pause', 'queue', v_id));
end
$$;

-- The same for the jobs of a task, whatever their queue. Locks: the task's row.
create function kongtask.pause_task(p_name text) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_id int4;
begin
  perform kongtask.intern(array[p_name], '{}');
  update kongtask.tasks t
     set paused_at = coalesce(t.paused_at, kongtask.clock())
   where t.name = p_name
  returning t.id into v_id;
  perform kongtask.tell_worker(null, jsonb_build_object('kind', 'pause', 'task', v_id));
end
$$;

-- Whoever listens looks at once. False where there is no such queue.
create function kongtask.resume_queue(p_name text) returns bool
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_id int4;
begin
  update kongtask.queues q set paused_at = null where q.name = p_name returning q.id into v_id;
  if not found then
    return false;
  end if;
  perform pg_notify('kongtask:ready', v_id::text);
  return true;
end
$$;

-- Its jobs may be in any queue, so everybody looks in all that they serve.
create function kongtask.resume_task(p_name text) returns bool
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  update kongtask.tasks t set paused_at = null where t.name = p_name;
  if not found then
    return false;
  end if;
  perform pg_notify('kongtask:ready', '');
  return true;
end
$$;

-- Limits of a queue over all processes. p_concurrency: jobs at once, a number; p_rate: { limit, per, burst? }. JSON's null
-- takes a limit away, SQL's leaves it as it is. What runs goes on. A queue that nobody has used yet is limited before it
-- begins. Whoever listens looks at once. Locks: the queue's row, which no claim and no adder waits for.
create function kongtask.limit_queue(p_name text, p_concurrency jsonb, p_rate jsonb) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_concurrency int4;
  v_rate jsonb;
  v_id int4;
begin
  perform kongtask.checked_name(to_jsonb(p_name), 'queue');
  if p_concurrency <> 'null' then
    v_concurrency := kongtask.checked_integer(p_concurrency, 'concurrency', 1, 100000);
  end if;
  if p_rate <> 'null' then
    v_rate := '{"burst": 1}' || kongtask.checked_limit(p_rate, 'rateLimit', '{limit,per,burst}');
  end if;
  perform kongtask.intern('{}', array[p_name]);
  update kongtask.queues q
     set concurrency = case when p_concurrency is null then q.concurrency else v_concurrency end,
         rate = case when p_rate is null then q.rate else v_rate end
   where q.name = p_name
  returning q.id into v_id;
  perform pg_notify('kongtask:ready', v_id::text);
end
$$;

-- Jobs of a paused task at the head of a lane are passed by every claim anew; a hundred thousand of them cost it 60 ms. So
-- they are parked, a bounded number at a time: in a lane 32 above their own, where no claim looks. When the task is resumed
-- they come back the same way. Claims never depend on it: what is paused they read themselves. Jobs with a serial key stay
-- where they are: their lanes say something else, and the key lets one of them stand in the way at the most.

-- Looks at the first p_limit jobs of each lane, and parks those of them that are of a paused task. Returns how many, so that
-- whoever calls may go on while there are many. Locks: the tasks' rows, so that a resume waits for this batch and nothing
-- is parked behind it; then the jobs, skipping locked ones. Index: jobs_lane.
create function kongtask.park_jobs(p_limit int4) returns int4
language plpgsql
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
as $$
declare
  v_now timestamptz := kongtask.clock();
  v_paused int4[];
  v_queue int4;
  v_until timestamptz;
  v_last int8;
  v_places tid[];
  v_parked int4 := 0;
  v_lane int2;
begin
  v_paused := array(select t.id from kongtask.tasks t where t.paused_at is not null order by t.id for no key update skip locked);
  if v_paused = '{}' then
    return 0;
  end if;
  for v_queue in select q.id from kongtask.queues q where q.paused_at is null loop
    for v_turn in 0 .. 31 loop
      v_lane := kongtask.lane_at(v_turn);
      select j.run_at, j.id into v_until, v_last
        from kongtask.jobs j
       where j.queue_id = v_queue and j.lane = v_lane and j.run_at <= v_now
       order by j.run_at, j.id offset p_limit limit 1;
      select array_agg(picked.place) into v_places
        from (select j.ctid as place
                from kongtask.jobs j
               where j.queue_id = v_queue and j.lane = v_lane
                 and (j.run_at, j.id) <= (coalesce(v_until, v_now), coalesce(v_last, 9223372036854775807))
                 and j.worker = 0 and j.serial_key is null and j.task_id = any (v_paused)
               order by j.run_at, j.id
                 for update skip locked) as picked;
      continue when v_places is null;
      update kongtask.jobs j set lane = (j.lane & 15) + 32 where j.ctid = any (v_places);
      v_parked := v_parked + cardinality(v_places);
      exit when v_parked >= p_limit;
    end loop;
    exit when v_parked >= p_limit;
  end loop;
  if v_parked > 0 then
    update kongtask.tasks t set has_parked = true where t.id = any (v_paused) and not t.has_parked;
  end if;
  return v_parked;
end
$$;

-- Brings back up to p_limit jobs of a task that is no longer paused. Returns how many; 0 where there is nothing to bring, or
-- another process is at it. Locks: the task's row, so that a pause waits for this batch; then the jobs, skipping locked ones,
-- which the next call finds. Index: jobs_lane.
create function kongtask.unpark_jobs(p_limit int4) returns int4
language plpgsql
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
as $$
declare
  v_task int4;
  v_queue int4;
  v_places tid[];
  v_back int4 := 0;
begin
  select t.id into v_task
    from kongtask.tasks t
   where t.has_parked and t.paused_at is null
   order by t.id limit 1
     for no key update skip locked;
  if not found then
    return 0;
  end if;
  for v_queue in select q.id from kongtask.queues q loop
    for v_lane in 32 .. 47 loop
      select array_agg(picked.place) into v_places
        from (select j.ctid as place
                from kongtask.jobs j
               where j.queue_id = v_queue and j.lane = v_lane and j.task_id = v_task
               order by j.run_at, j.id
               limit p_limit - v_back
                 for update skip locked) as picked;
      continue when v_places is null;
      update kongtask.jobs j set lane = (j.lane & 15) + 128 where j.ctid = any (v_places);
      v_back := v_back + cardinality(v_places);
      perform pg_notify('kongtask:ready', v_queue::text);
    end loop;
  end loop;
  if v_back = 0 and not exists (
       select from kongtask.queues q
        cross join generate_series(32, 47) as lane (number)
        cross join lateral (
               select from kongtask.jobs j
                where j.queue_id = q.id and j.lane = lane.number and j.task_id = v_task
                order by j.run_at, j.id limit 1) as parked) then
    update kongtask.tasks t set has_parked = false where t.id = v_task;
  end if;
  return v_back;
end
$$;

-- The jobs that processes have at this moment, of the first p_limit that the ledger names for each: what has ended may
-- still stand there. p_worker, p_queue: null for all. Index: jobs_pkey, once for each.
create function kongtask.held_jobs(p_worker int4, p_queue int4, p_limit int4)
returns table (worker int4, id int8, queue_id int4, task_id int4, claimed_at timestamptz)
language plpgsql stable
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
begin
  return query
    select held.worker, held.id, held.queue_id, job.task_id, held.claimed_at
      from kongtask.workers w
     cross join lateral (
            select c.worker, c.claim, c.queue_id, c.claimed_at, named.id
              from kongtask.claims c
             cross join unnest(c.ids) as named (id)
             where c.worker = w.id and (p_queue is null or c.queue_id = p_queue)
             limit p_limit) as held
     cross join lateral (
            select j.task_id, j.worker, j.claim
              from kongtask.jobs j
             where j.queue_id = held.queue_id and j.id between held.id and held.id
             order by j.id limit 1) as job
     where (p_worker is null or w.id = p_worker) and job.worker = held.worker and job.claim = held.claim;
end
$$;

-- All queues, with what is in them counted up to p_limit of a kind, and when the oldest job fell due that is ready and
-- does not run. Ready is all that is due: also what is paused, waits for its serial key or for a limit. Index: jobs_lane,
-- each lane of each queue up to the limit.
create function kongtask.list_queues(p_limit int4)
returns table (
  name text, paused_at timestamptz, concurrency int4, rate jsonb, scheduled int4, ready int4, running int4,
  oldest_at timestamptz, seen_at timestamptz)
language plpgsql stable
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_now timestamptz := kongtask.clock();
begin
  return query
    select q.name, q.paused_at, q.concurrency, q.rate,
           (select count(*)::int4
              from (select
                      from generate_series(0, 143) as lane (number)
                     cross join lateral (
                            select from kongtask.jobs j
                             where j.queue_id = q.id and j.lane = lane.number and j.run_at > v_now and j.worker = 0
                             order by j.run_at, j.id limit p_limit) as later
                     limit p_limit) as counted),
           (select count(*)::int4
              from (select
                      from generate_series(0, 143) as lane (number)
                     cross join lateral (
                            select from kongtask.jobs j
                             where j.queue_id = q.id and j.lane = lane.number and j.run_at <= v_now and j.worker = 0
                             order by j.run_at, j.id limit p_limit) as due
                     limit p_limit) as counted),
           (select count(*)::int4 from (select from kongtask.held_jobs(null, q.id, p_limit) limit p_limit) as counted),
           (select min(head.run_at)
              from generate_series(0, 143) as lane (number)
             cross join lateral (
                    select j.run_at from kongtask.jobs j
                     where j.queue_id = q.id and j.lane = lane.number and j.run_at <= v_now and j.worker = 0
                     order by j.run_at, j.id limit 1) as head),
           v_now
      from kongtask.queues q
     order by q.name;
end
$$;

-- Tells a process to stop in good order. False where there is no such worker (any more). Locks: its row, for a moment.
create function kongtask.drain_worker(p_worker int4) returns bool
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  update kongtask.workers w set info = w.info || '{"draining": true}' where w.id = p_worker and w.rescued_at is null;
  if not found then
    return false;
  end if;
  perform kongtask.tell_worker(p_worker, jsonb_build_object('kind', 'drain'));
  return true;
end
$$;

-- Declares a process dead, whatever it says: its jobs go back, and what it writes about them later is refused. No crash
-- is counted: the operator knows that it is none of the jobs' fault. Returns how many jobs went back, null where there is
-- no such worker. What somebody is just writing about stays for the rescuer, who counts none either. Locks: the worker's
-- row, for which a claim of that process may make it wait a moment; then its jobs, skipping locked ones.
create function kongtask.unlock_worker(p_worker int4) returns int4
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_released int4;
begin
  -- FOR UPDATE, which a claim's lock excludes: what is being claimed at this moment is in the ledger below.
  perform from kongtask.workers w where w.id = p_worker and w.rescued_at is null for update;
  if not found then
    return null;
  end if;
  update kongtask.workers w
     set rescued_at = clock_timestamp(), expires_at = least(w.expires_at, clock_timestamp()), is_blameless = true
   where w.id = p_worker;
  select coalesce(sum(kongtask.release_claim(c.worker, c.claim, c.queue_id, c.ids, false)), 0)
    into v_released
    from kongtask.claims c
   where c.worker = p_worker;
  delete from kongtask.messages m where m.worker = p_worker;
  delete from kongtask.workers w
   where w.id = p_worker and not exists (select from kongtask.claims c where c.worker = p_worker);
  -- If it lives, it asks what there is to hear, and hears that it is dead.
  perform pg_notify('kongtask:worker', p_worker::text);
  return v_released;
end
$$;

-- Which live processes could run a job, each count a part of the one before: those that live and are not draining, serve
-- the queue, know the task, and do not forbid its flags. The slots of the last ones, how many of them are free, and some
-- of the jobs that have the others. A thousand processes are looked at, and a thousand jobs of each.
create function kongtask.who_may_run(
  p_task text, p_queue text, p_queue_id int4, p_flags text[],
  out o_live int4, out o_serving int4, out o_knowing int4, out o_allowed int4, out o_slots int4, out o_free int4,
  out o_busy_with int8[])
language plpgsql stable
as $$
declare
  v_worker int4;
  v_info jsonb;
  v_shares bool;
  v_slots int4;
  v_holds int8[];
begin
  o_live := 0; o_serving := 0; o_knowing := 0; o_allowed := 0; o_slots := 0; o_free := 0;
  o_busy_with := '{}';
  for v_worker, v_info in
    select w.id, w.info from kongtask.workers w
     where w.rescued_at is null and w.expires_at > clock_timestamp() and not w.info ? 'draining'
     order by w.id limit 1000
  loop
    o_live := o_live + 1;
    -- No list of queues: it serves all, with one concurrency.
    v_shares := jsonb_typeof(v_info -> 'queues') is distinct from 'object';
    continue when not v_shares and not v_info -> 'queues' ? p_queue;
    o_serving := o_serving + 1;
    continue when not coalesce(v_info -> 'tasks' ? p_task, false);
    o_knowing := o_knowing + 1;
    continue when coalesce(v_info -> 'forbiddenFlags' ?| p_flags, false);
    o_allowed := o_allowed + 1;
    v_slots := coalesce(case when v_shares then v_info ->> 'concurrency' else v_info -> 'queues' ->> p_queue end, '0');
    v_holds := array(
      select held.id from kongtask.held_jobs(v_worker, case when v_shares then null else p_queue_id end, 1000) as held);
    o_slots := o_slots + v_slots;
    o_free := o_free + greatest(v_slots - cardinality(v_holds), 0);
    o_busy_with := (o_busy_with || v_holds)[1:10];
  end loop;
end
$$;

-- When a rate lets the next one start; null: at once.
create function kongtask.rate_opens_at(p_queue int4, p_gate text, p_rate jsonb, p_now timestamptz) returns timestamptz
language plpgsql stable
as $$
declare
  v_tokens float8 := kongtask.tokens_of(p_queue, p_gate, p_rate, p_now);
begin
  if v_tokens < 1 then
    return p_now + (1 - v_tokens) * (p_rate ->> 'per')::float8 / (p_rate ->> 'limit')::float8 * interval '1 ms';
  end if;
  return null;
end
$$;

-- The limit that keeps a due job from starting: that for which it is parked; else its queue's, which claims ask first; else
-- the first of its own that would stop it. o_gate: its name, null for none; o_limit: { limit, per?, burst? }; o_opens_at:
-- when a rate lets the next one start.
create function kongtask.closed_gate(
  p_job kongtask.jobs, p_concurrency int4, p_rate jsonb, p_now timestamptz,
  out o_gate text, out o_limit jsonb, out o_opens_at timestamptz)
language plpgsql stable
as $$
declare
  v_limit jsonb;
begin
  if p_job.waits_for is null then
    if p_concurrency is not null and p_concurrency <= kongtask.held_in(p_job.queue_id) then
      o_gate := 'concurrency:queue';
      o_limit := jsonb_build_object('limit', p_concurrency);
      return;
    end if;
    if p_rate is not null then
      o_opens_at := kongtask.rate_opens_at(p_job.queue_id, 'rate:queue', p_rate, p_now);
      if o_opens_at is not null then
        o_gate := 'rate:queue';
        o_limit := p_rate;
        return;
      end if;
    end if;
  end if;
  for v_limit in select value from jsonb_array_elements(p_job.limits) loop
    continue when p_job.waits_for <> v_limit ->> 'gate';
    if v_limit ? 'per' then
      o_opens_at := kongtask.rate_opens_at(p_job.queue_id, v_limit ->> 'gate', v_limit, p_now);
    end if;
    if p_job.waits_for is not null or o_opens_at is not null
      or not v_limit ? 'per' and (v_limit ->> 'limit')::int4 <= (
           select h.held from kongtask.held_behind(p_job.queue_id, array[v_limit ->> 'gate']) as h) then
      o_gate := v_limit ->> 'gate';
      o_limit := v_limit;
      return;
    end if;
  end loop;
end
$$;

-- Why a job is where it is: one row of facts, and a second one about the job that has its serial key, where that is
-- another. Decides nothing. One look at the database (STABLE), so that no job is missed between two tables. Bounded: a
-- look per queue, lane and worker, a thousand workers, the first thousand jobs of each, ten thousand jobs ahead, what is
-- held of a queue that has a limit. Indexes: jobs_pkey, jobs_lane, jobs_serial, jobs_parked, dead_letters_id, history_id.
create function kongtask.explain_job(p_id int8, p_deep bool)
returns table (
  id int8, state text, task text, queue text, attempt int2, max_attempts int2, crashes int2, priority int2,
  run_at timestamptz, finished_at timestamptz, reason text, extras jsonb, last_error jsonb, seen_at timestamptz,
  queue_paused_at timestamptz, task_paused_at timestamptz, holder int8, ahead int4,
  gate text, gate_limit jsonb, gate_opens_at timestamptz,
  worker int4, claimed_at timestamptz, worker_info jsonb, heartbeat_at timestamptz, expires_at timestamptz, silent bool,
  live int4, serving int4, knowing int4, allowed int4, slots int4, free int4, busy_with int8[])
language plpgsql stable
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
#variable_conflict use_column
declare
  v_now timestamptz := kongtask.clock();
  v_job kongtask.jobs;
  v_holder int8;
  v_worker kongtask.workers;
begin
  select j.* into v_job
    from kongtask.queues q
   cross join lateral (
          select * from kongtask.jobs j where j.queue_id = q.id and j.id between p_id and p_id order by j.id limit 1) as j
   limit 1;

  if not found then
    return query
      with final as (
        select d.id, d.task_id, d.queue_id, 'dead' as state, d.attempt, d.max_attempts, d.crashes, d.priority, d.run_at,
               d.finished_at, d.reason, d.extras, d.errors
          from kongtask.dead_letters d
         where d.id = p_id and d.expires_at > v_now
        union all
        select h.id, h.task_id, h.queue_id, case when h.completed then 'completed' else 'cancelled' end, h.attempt,
               h.max_attempts, h.crashes, h.priority, h.run_at, h.finished_at, h.reason, h.extras, h.errors
          from (select * from (select * from kongtask.history union all select * from kongtask.history_overflow) as kept
                 where kept.id = p_id
                 limit 1) as h
         where h.expires_at > v_now
      )
      select f.id, f.state, t.name, q.name, f.attempt, f.max_attempts, f.crashes, f.priority, f.run_at, f.finished_at,
             f.reason, f.extras, f.errors -> -1, v_now, q.paused_at, t.paused_at, null::int8, null::int4,
             null::text, null::jsonb, null::timestamptz,
             null::int4, null::timestamptz, null::jsonb, null::timestamptz, null::timestamptz, null::bool,
             null::int4, null::int4, null::int4, null::int4, null::int4, null::int4, null::int8[]
        from final f
        join kongtask.tasks t on t.id = f.task_id
        join kongtask.queues q on q.id = f.queue_id;
    return;
  end if;

  if v_job.serial_key is not null and v_job.worker = 0 then
    select s.job_id into v_holder from kongtask.serial_keys s
     where s.queue_id = v_job.queue_id and s.key = v_job.serial_key;
    v_holder := nullif(coalesce(v_holder, kongtask.first_of_key(v_job.queue_id, v_job.serial_key)), p_id);
  end if;
  if v_job.worker <> 0 then
    select * into v_worker from kongtask.workers w where w.id = v_job.worker;
  end if;

  return query
    select v_job.id,
           case when v_job.worker <> 0 then 'running' when v_job.run_at > v_now then 'scheduled' else 'ready' end,
           t.name, q.name, v_job.attempt, v_job.max_attempts, v_job.crashes, (v_job.lane & 15)::int2, v_job.run_at,
           null::timestamptz, kongtask.why_ended(v_job.task_id, v_job.id, v_job.extras), v_job.extras,
           v_job.errors -> -1, v_now, q.paused_at, t.paused_at, v_holder, coalesce(ahead.count, behind.count),
           closed.o_gate, closed.o_limit, closed.o_opens_at,
           nullif(v_job.worker, 0), claim.claimed_at, v_worker.info, v_worker.heartbeat_at, v_worker.expires_at,
           case when v_job.worker <> 0
                then v_worker.id is null or v_worker.rescued_at is not null or v_worker.expires_at < clock_timestamp() end,
           able.o_live, able.o_serving, able.o_knowing, able.o_allowed, able.o_slots, able.o_free, able.o_busy_with
      from kongtask.queues q
      join kongtask.tasks t on t.id = v_job.task_id
      left join kongtask.claims claim
        on claim.worker = v_job.worker and claim.claim = v_job.claim and claim.queue_id = v_job.queue_id
      left join lateral (
           select count(*)::int4 as count
             from (select
                     from generate_series(0, kongtask.turn_of(v_job.lane)) as turn (number)
                    cross join lateral (
                           select from kongtask.jobs j
                            where j.queue_id = v_job.queue_id and j.lane = kongtask.lane_at(turn.number)
                              and j.run_at <= v_now and j.worker = 0
                              and (j.lane <> v_job.lane or (j.run_at, j.id) < (v_job.run_at, v_job.id))
                            order by j.run_at, j.id limit 10000) as earlier
                    limit 10000) as counted) as ahead on v_job.lane & 112 = 0 and v_job.worker = 0 and v_job.run_at <= v_now
      left join lateral (
           select count(*)::int4 as count
             from (select from kongtask.jobs j
                    where j.queue_id = v_job.queue_id and j.waits_for = v_job.waits_for
                      and (j.lane, j.run_at, j.id) < (v_job.lane, v_job.run_at, v_job.id)
                    order by j.lane, j.run_at, j.id limit 10000) as counted) as behind on v_job.waits_for is not null
      left join lateral kongtask.closed_gate(v_job, q.concurrency, q.rate, v_now) as closed
        on v_job.worker = 0 and v_job.run_at <= v_now
      left join lateral kongtask.who_may_run(
                  t.name, q.name, q.id,
                  array(select jsonb_array_elements_text(v_job.extras -> 'flags'))) as able
        on v_job.worker = 0 and v_job.run_at <= v_now
     where q.id = v_job.queue_id;

  if p_deep and v_holder is not null then
    return query select * from kongtask.explain_job(v_holder, false);
  end if;
end
$$;

select kongtask.renew_access();
