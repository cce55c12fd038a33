-- What an operator does with jobs: finds them, and cancels, retries, reschedules, reprioritises and deletes them while
-- they are worked on. A verb is given ids (found by walk_jobs, or said by a person) and says of each what became
-- of it; whoever calls decides what to ask again.
--
-- Locks, of all verbs: the jobs, skipping locked ones, so that no verb ever waits for a claim or a settlement, and no
-- claim for a verb; then the keys that they had (leave_keys), in order. A skip may be a false lock (law 1 of STORAGE.md):
-- such a job answers 'locked' and is to be asked again. Indexes: jobs_pkey to find the place, then the place.

-- Which jobs are meant. What is null says nothing.
create type kongtask.job_filter as (
  states text[],
  tasks int4[],
  queues int4[],
  tag text,
  unique_key text,
  serial_key text,
  parent_id text,
  -- Part of the latest error's message, or of its pattern.
  error text,
  created_from timestamptz,
  created_to timestamptz,
  scheduled_from timestamptz,
  scheduled_to timestamptz,
  finished_from timestamptz,
  finished_to timestamptz,
  -- Of scheduled jobs only those that failed before, and so wait for a retry.
  retrying bool
);

-- p_filter: { states?, tasks?, queues?, tag?, uniqueKey?, serialKey?, parentId?, error?, createdFrom?, createdTo?,
-- scheduledFrom?, scheduledTo?, finishedFrom?, finishedTo?, olderThan? (ms), retrying? }, as the client has checked it.
-- Names that nobody ever used mean that nothing fits.
create function kongtask.filter_of(p_filter jsonb) returns kongtask.job_filter
language plpgsql stable
as $$
declare
  f kongtask.job_filter;
begin
  if p_filter = '{}' then
    return f;
  end if;
  f := jsonb_populate_record(f, jsonb_build_object(
    'states', p_filter -> 'states', 'tag', p_filter -> 'tag', 'unique_key', p_filter -> 'uniqueKey',
    'serial_key', p_filter -> 'serialKey', 'parent_id', p_filter -> 'parentId', 'error', p_filter -> 'error',
    'created_from', p_filter -> 'createdFrom', 'created_to', p_filter -> 'createdTo',
    'scheduled_from', p_filter -> 'scheduledFrom', 'scheduled_to', p_filter -> 'scheduledTo',
    'finished_from', p_filter -> 'finishedFrom', 'finished_to', p_filter -> 'finishedTo',
    'retrying', p_filter -> 'retrying'));
  if p_filter ? 'tasks' then
    f.tasks := array(select t.id from kongtask.tasks t where p_filter -> 'tasks' ? t.name);
  end if;
  if p_filter ? 'queues' then
    f.queues := array(select q.id from kongtask.queues q where p_filter -> 'queues' ? q.name);
  end if;
  if p_filter ? 'olderThan' then
    f.finished_to := least(f.finished_to, kongtask.clock() - (p_filter ->> 'olderThan')::float8 * interval '1 ms');
  end if;
  return f;
end
$$;

-- An error's message without what differs from case to case, so that equal troubles have equal text. Applied to its own
-- answer it changes nothing.
create function kongtask.error_pattern(p_message text) returns text
language sql immutable parallel safe
return regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(left(p_message, 500),
  '"[^"]*"|`[^`]*`|(?<![[:alnum:]])''[^'']*''(?![[:alnum:]])', '<text>', 'g'),
  '[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}', '<uuid>', 'g'),
  '\m(?:0[xX][0-9a-fA-F]+|(?=[a-fA-F]*[0-9])[0-9a-fA-F]{8,})\M', '<hex>', 'g'),
  '\m(?=[a-zA-Z]*[0-9])[0-9a-zA-Z]{16,}\M', '<id>', 'g'),
  '[0-9]+(?:[.,:][0-9]+)*', '<n>', 'g');

create function kongtask.has_error(p_errors jsonb, p_part text) returns bool
language plpgsql immutable
as $$
declare
  v_message text := p_errors -> -1 ->> 'message';
begin
  return coalesce(strpos(v_message, p_part) > 0 or strpos(kongtask.error_pattern(v_message), p_part) > 0, false);
end
$$;

-- One expression, which PostgreSQL writes into the query that calls it.
create function kongtask.job_matches(
  f kongtask.job_filter, p_state text, p_task int4, p_queue int4, p_created_at timestamptz, p_run_at timestamptz,
  p_finished_at timestamptz, p_extras jsonb, p_errors jsonb)
returns bool
language sql stable
return ((f).states is null or p_state = any ((f).states))
   and ((f).tasks is null or p_task = any ((f).tasks))
   and ((f).queues is null or p_queue = any ((f).queues))
   and ((f).created_from is null or p_created_at >= (f).created_from)
   and ((f).created_to is null or p_created_at < (f).created_to)
   and ((f).scheduled_from is null or p_run_at >= (f).scheduled_from)
   and ((f).scheduled_to is null or p_run_at < (f).scheduled_to)
   and ((f).finished_from is null or coalesce(p_finished_at >= (f).finished_from, false))
   and ((f).finished_to is null or coalesce(p_finished_at < (f).finished_to, false))
   and ((f).retrying is not true or p_state <> 'scheduled' or p_errors is not null)
   and ((f).tag is null or coalesce(p_extras -> 'tags' ? (f).tag, false))
   and ((f).unique_key is null or coalesce(p_extras ->> 'uniqueKey' = (f).unique_key, false))
   and ((f).serial_key is null or coalesce(p_extras ->> 'serialKey' = (f).serial_key, false))
   and ((f).parent_id is null or coalesce(p_extras ->> 'parentId' = (f).parent_id, false))
   and ((f).error is null or kongtask.has_error(p_errors, (f).error));

-- Where live jobs are. p_queues: the queue of each, or null for a look into all queues. Index: jobs_pkey, as places_of.
create function kongtask.find_places(p_ids int8[], p_queues int4[])
returns table (id int8, place tid)
language plpgsql stable
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
as $$
begin
  if p_queues is null then
    return query
      select looked.id, looked.place
        from (select asked.id,
                     (select j.ctid
                        from kongtask.jobs j
                       where j.queue_id = q.id and j.id between asked.id and asked.id
                       order by j.id limit 1) as place
                from unnest(p_ids) as asked (id)
               cross join kongtask.queues q) as looked
       where looked.place is not null;
  else
    return query
      select looked.id, looked.place
        from (select asked.id,
                     (select j.ctid
                        from kongtask.jobs j
                       where j.queue_id = asked.queue_id and j.id between asked.id and asked.id
                       order by j.id limit 1) as place
                from unnest(p_ids, p_queues) as asked (id, queue_id)) as looked
       where looked.place is not null;
  end if;
end
$$;

-- Locks live jobs until the transaction ends. status: waiting, running; unmatched: it is live, but no longer what
-- p_filter means; locked: somebody else has it at this moment; missing: it is not live.
create function kongtask.hold_jobs(p_ids int8[], p_queues int4[], p_filter kongtask.job_filter)
returns table (id int8, status text, place tid, queue_id int4, worker int4, run_at timestamptz)
language plpgsql
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
as $$
declare
  v_now timestamptz := kongtask.clock();
  v_places tid[] := array(select f.place from kongtask.find_places(p_ids, p_queues) as f);
  v_held int8[] := '{}';
  v_matches bool;
begin
  for id, place, queue_id, worker, run_at, v_matches in
    select j.id, j.ctid, j.queue_id, j.worker, j.run_at,
           kongtask.job_matches(
             p_filter, case when j.worker <> 0 then 'running' when j.run_at > v_now then 'scheduled' else 'ready' end,
             j.task_id, j.queue_id, j.created_at, j.run_at, null, j.extras, j.errors)
      from kongtask.jobs j
     where j.ctid = any (v_places)
       for update skip locked
  loop
    -- Where the job has left its place, another may lie there by now.
    continue when array_position(p_ids, id) is null;
    v_held := v_held || id;
    status := case when not v_matches then 'unmatched' when worker <> 0 then 'running' else 'waiting' end;
    return next;
  end loop;
  if cardinality(v_held) < cardinality(p_ids) then
    return query
      select asked.id, case when there.id is null then 'missing' else 'locked' end, null::tid, null::int4, null::int4,
             null::timestamptz
        from unnest(p_ids) as asked (id)
        left join (select distinct f.id from kongtask.find_places(p_ids, p_queues) as f) as there on there.id = asked.id
       where asked.id <> all (v_held);
  end if;
end
$$;

-- Gives back what jobs had that were taken away: keys, and their turn under limits. A key that is clearly another's is left
-- alone: should that one leave it at this moment, it meets our locks and leaves the key for the next claim to settle, which
-- is why claims are woken.
create function kongtask.leave_keys_of(p_jobs kongtask.jobs[]) returns void
language plpgsql
as $$
declare
  v_queue int4;
  v_keys text[];
  v_ids int8[];
  v_limits jsonb[];
begin
  for v_queue, v_keys, v_ids, v_limits in
    select g.queue_id,
           array_agg(g.serial_key order by g.serial_key, g.id) filter (where g.serial_key is not null and held.job_id is null),
           array_agg(g.id order by g.serial_key, g.id) filter (where g.serial_key is not null and held.job_id is null),
           -- One that was parked had no turn yet.
           array_agg(g.limits) filter (where g.limits is not null and g.waits_for is null)
      from unnest(p_jobs) as g
      left join kongtask.serial_keys held
        on held.queue_id = g.queue_id and held.key = g.serial_key and held.job_id <> g.id
     where g.serial_key is not null or g.limits is not null
     group by g.queue_id
     order by g.queue_id
  loop
    if v_keys is not null then
      perform kongtask.leave_keys(v_queue, v_keys, v_ids);
    end if;
    if v_limits is not null then
      perform kongtask.pass_on(v_queue, v_limits, false);
    end if;
    perform pg_notify('kongtask:ready', v_queue::text);
  end loop;
end
$$;

-- Cancels. What waits goes to history at once. What runs is marked, and its process is told: unless its handler
-- completes all the same, it ends as cancelled, at the latest where it would come back (why_ended).
-- status: done, told, refused, locked, missing.
create function kongtask.cancel_jobs(p_ids int8[], p_queues int4[], p_reason text, p_filter jsonb)
returns table (id int8, status text)
language plpgsql
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set search_path = pg_catalog, pg_temp
as $$
declare
  h record;
  v_reason text;
  v_places tid[];
  v_gone kongtask.jobs[];
begin
  for h in select held.* from kongtask.hold_jobs(p_ids, p_queues, kongtask.filter_of(p_filter)) as held loop
    id := h.id;
    if h.status = 'waiting' then
      v_places := v_places || h.place;
      status := 'done';
    elsif h.status = 'running' then
      -- Whoever said it first has said why.
      update kongtask.jobs j
         set extras = jsonb_build_object('cancelled', p_reason) || coalesce(j.extras, '{}')
       where j.ctid = h.place
      returning j.extras ->> 'cancelled' into v_reason;
      perform kongtask.tell_worker(
        h.worker, jsonb_build_object('kind', 'cancel', 'job', h.id::text, 'reason', v_reason));
      status := 'told';
    else
      status := case h.status when 'unmatched' then 'refused' else h.status end;
    end if;
    return next;
  end loop;
  with gone as (
    delete from kongtask.jobs j where j.ctid = any (v_places) returning j as job
  )
  select array_agg(gone.job) into v_gone from gone;
  if v_gone is not null then
    perform kongtask.keep_ended(v_gone, false, null, array_fill(p_reason, array[cardinality(v_gone)]), null);
    perform kongtask.leave_keys_of(v_gone);
  end if;
end
$$;

-- Gives jobs that wait another time or another priority, null for the same as before. p_later: only what is due later
-- gets the time. What waits for its serial key, or for its task to be resumed, goes on waiting (16 and 32 above its lane);
-- what was parked behind a limit is judged anew, and claims are woken to do so.
-- status: done, refused, locked, missing.
create function kongtask.move_jobs(
  p_ids int8[], p_queues int4[], p_run_at timestamptz, p_later bool, p_priority int4, p_filter jsonb)
returns table (id int8, status text)
language plpgsql
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set search_path = pg_catalog, pg_temp
as $$
declare
  h record;
  -- Behind the transaction's number: see marks (0008).
  v_now timestamptz := case when pg_current_xact_id() is not null then kongtask.clock() end;
  v_queues int4[] := '{}';
begin
  for h in select held.* from kongtask.hold_jobs(p_ids, p_queues, kongtask.filter_of(p_filter)) as held loop
    id := h.id;
    if h.status = 'waiting' then
      status := 'done';
      if not p_later or h.run_at > v_now then
        update kongtask.jobs j
           set run_at = coalesce(p_run_at, j.run_at),
               lane = coalesce(p_priority, j.lane & 15)
                 + case when j.lane & 48 <> 0 then j.lane & 48 when coalesce(p_run_at, j.run_at) < v_now then 128 else 0 end,
               waits_for = null
         where j.ctid = h.place;
        if h.queue_id <> all (v_queues) then
          v_queues := v_queues || h.queue_id;
        end if;
      end if;
    else
      status := case when h.status in ('locked', 'missing') then h.status else 'refused' end;
    end if;
    return next;
  end loop;
  if coalesce(p_run_at < v_now + interval '1 minute', true) then
    perform pg_notify('kongtask:ready', q.id::text) from unnest(v_queues) as q (id);
  end if;
end
$$;

-- To another time: p_at, or p_delay_ms from now; both null: now, where that is sooner, for what is due keeps its place in
-- the line. The past means now.
create function kongtask.reschedule_jobs(
  p_ids int8[], p_queues int4[], p_at timestamptz, p_delay_ms float8, p_filter jsonb)
returns table (id int8, status text)
language sql
set search_path = pg_catalog, pg_temp
as $$
  select *
    from kongtask.move_jobs(
           p_ids, p_queues,
           (select greatest(now, p_at, now + p_delay_ms * interval '1 ms') from kongtask.clock() as now),
           p_at is null and p_delay_ms is null, null, p_filter)
$$;

create function kongtask.reprioritise_jobs(p_ids int8[], p_queues int4[], p_priority int4, p_filter jsonb)
returns table (id int8, status text)
language sql
set search_path = pg_catalog, pg_temp
as $$
  select * from kongtask.move_jobs(p_ids, p_queues, null, false, p_priority, p_filter)
$$;

-- A job that is over, wherever it is kept.
create type kongtask.final_job as (
  -- held, unmatched, locked, missing
  status text,
  -- dead_letters, history, history_overflow
  kept_in text,
  -- Where in there: of the days' key, so that nothing but its day is touched.
  day timestamptz,
  id int8,
  created_at timestamptz,
  queue_id int4,
  task_id int4,
  retain_s int4,
  priority int2,
  max_attempts int2,
  payload jsonb,
  extras jsonb,
  errors jsonb
);

-- Those of some jobs that are over, and where they are kept. All of them in one statement: to open every day takes longer
-- than to look into it. Indexes: dead_letters_id and history_id of each day. (The time is compared behind the LIMIT, or it
-- might be the index by expiry that is walked: here, and wherever else one of them is looked for by its id.)
create function kongtask.find_finals(p_ids int8[])
returns table (id int8, kept_in text, day timestamptz)
language plpgsql stable
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
    select asked.id, f.kept_in, f.day
      from unnest(p_ids) as asked (id)
     cross join lateral (
            select 'dead_letters' as kept_in, d.dropped_at as day, d.expires_at
              from kongtask.dead_letters d
             where d.id = asked.id
            union all
            select 'history', h.expires_at, h.expires_at
              from kongtask.history h
             where h.id = asked.id
            union all
            select 'history_overflow', h.expires_at, h.expires_at
              from kongtask.history_overflow h
             where h.id = asked.id
            limit 1) as f
     where f.expires_at > v_now;
end
$$;

-- Locks a job that is over until the transaction ends, where find_finals has seen it; p_kept_in: null for nowhere.
create function kongtask.hold_final(p_id int8, p_kept_in text, p_day timestamptz, p_filter kongtask.job_filter)
returns kongtask.final_job
language plpgsql
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
as $$
declare
  v_dead kongtask.dead_letters;
  v_kept kongtask.history;
  v_final kongtask.final_job;
  v_is_there bool := false;
begin
  v_final.kept_in := p_kept_in;
  v_final.day := p_day;
  v_final.id := p_id;
  if p_kept_in = 'dead_letters' then
    select * into v_dead from kongtask.dead_letters d
     where d.id = p_id and d.dropped_at = p_day for update skip locked;
    if found then
      v_final.status := case when kongtask.job_matches(
        p_filter, 'dead', v_dead.task_id, v_dead.queue_id, v_dead.created_at, v_dead.run_at, v_dead.finished_at,
        v_dead.extras, v_dead.errors) then 'held' else 'unmatched' end;
      v_final.created_at := v_dead.created_at;
      v_final.queue_id := v_dead.queue_id;
      v_final.task_id := v_dead.task_id;
      v_final.retain_s := v_dead.retain_s;
      v_final.priority := v_dead.priority;
      v_final.max_attempts := v_dead.max_attempts;
      v_final.payload := v_dead.payload;
      v_final.extras := v_dead.extras;
      v_final.errors := v_dead.errors;
      return v_final;
    end if;
    v_is_there := exists (select from kongtask.dead_letters d where d.id = p_id and d.dropped_at = p_day);
  elsif p_kept_in is not null then
    if p_kept_in = 'history' then
      select * into v_kept from kongtask.history h
       where h.id = p_id and h.expires_at = p_day for update skip locked;
    else
      select * into v_kept from kongtask.history_overflow h where h.id = p_id for update skip locked;
    end if;
    if found then
      v_final.status := case when kongtask.job_matches(
        p_filter, case when v_kept.completed then 'completed' else 'cancelled' end, v_kept.task_id, v_kept.queue_id,
        v_kept.created_at, v_kept.run_at, v_kept.finished_at, v_kept.extras, v_kept.errors)
        then 'held' else 'unmatched' end;
      v_final.created_at := v_kept.created_at;
      v_final.queue_id := v_kept.queue_id;
      v_final.task_id := v_kept.task_id;
      v_final.retain_s := ceil(extract(epoch from v_kept.expires_at - v_kept.finished_at));
      v_final.priority := v_kept.priority;
      v_final.max_attempts := v_kept.max_attempts;
      v_final.payload := v_kept.payload;
      v_final.extras := v_kept.extras;
      v_final.errors := v_kept.errors;
      return v_final;
    end if;
    v_is_there := exists (select from kongtask.history h where h.id = p_id and h.expires_at = p_day)
      or exists (select from kongtask.history_overflow h where h.id = p_id);
  end if;
  v_final.status := case when v_is_there then 'locked' else 'missing' end;
  return v_final;
end
$$;

-- What of it drop_finals needs to know: payloads are large.
create function kongtask.place_of_final(p_final kongtask.final_job) returns kongtask.final_job
language plpgsql immutable
as $$
begin
  p_final.payload := null;
  p_final.extras := null;
  p_final.errors := null;
  return p_final;
end
$$;

-- Takes away what is held. The days are said beside the ids, so that no others are opened.
create function kongtask.drop_finals(p_finals kongtask.final_job[]) returns void
language plpgsql
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_place text;
  v_ids int8[];
  v_days timestamptz[];
begin
  for v_place, v_ids, v_days in
    select f.kept_in, array_agg(f.id), array_agg(distinct f.day) from unnest(p_finals) as f group by f.kept_in
  loop
    case v_place
      when 'dead_letters' then
        delete from kongtask.dead_letters d where d.id = any (v_ids) and d.dropped_at = any (v_days);
      when 'history' then
        delete from kongtask.history h where h.id = any (v_ids) and h.expires_at = any (v_days);
      else
        delete from kongtask.history_overflow h where h.id = any (v_ids);
    end case;
  end loop;
end
$$;

-- A job that was over lives again: ready, with its id, all its attempts ahead of it, and what it failed with still told;
-- it is for the caller to drop it where it was (drop_finals).
-- False where another job has its unique key: then it stays as it is.
create function kongtask.revive(p_final kongtask.final_job) returns bool
language plpgsql
as $$
declare
  v_lane int2 := p_final.priority;
  -- Behind the transaction's number: see marks (0008).
  v_now timestamptz := case when pg_current_xact_id() is not null then kongtask.clock() end;
  v_unique_key text := p_final.extras ->> 'uniqueKey';
  v_serial_key text := p_final.extras ->> 'serialKey';
begin
  if v_unique_key is not null then
    if not kongtask.regain_key(p_final.task_id, v_unique_key, p_final.queue_id, p_final.id) then
      return false;
    end if;
  end if;
  if v_serial_key is not null then
    perform from kongtask.serial_keys s
      where s.queue_id = p_final.queue_id and s.key = v_serial_key and s.job_id is not null
        for key share;
    if found then
      v_lane := p_final.priority + 16;
    end if;
  end if;
  insert into kongtask.jobs (
    id, run_at, created_at, queue_id, task_id, retain_s, lane, max_attempts, payload, serial_key, limits, extras, errors)
  values (
    p_final.id, v_now, p_final.created_at, p_final.queue_id, p_final.task_id, p_final.retain_s, v_lane,
    p_final.max_attempts, p_final.payload, v_serial_key,
    kongtask.limits_of(p_final.extras, p_final.task_id, p_final.payload), nullif(p_final.extras - 'cancelled', '{}'),
    p_final.errors);
  -- What failed goes on behind the steps that it has done. What was completed or cancelled begins anew.
  if p_final.kept_in <> 'dead_letters' then
    delete from kongtask.steps s where s.job_id = p_final.id;
    delete from kongtask.progress p where p.job_id = p_final.id;
  end if;
  perform pg_notify('kongtask:ready', p_final.queue_id::text);
  return true;
end
$$;

-- Runs again what failed or is over: what waits for its retry is due now, what is over lives again. Locks, behind those
-- of all verbs: rows of unique_keys in the order of the keys, as adders do. Where somebody is just adding under the key,
-- whether it is free shows when that transaction ends; till then the job is locked. It is not waited for: meanwhile all
-- the others of this call would be held back.
-- status: done, conflict (another job has its unique key), refused, locked, missing.
create function kongtask.retry_jobs(p_ids int8[], p_queues int4[], p_filter jsonb)
returns table (id int8, status text)
language plpgsql
set search_path = pg_catalog, pg_temp
set lock_timeout = '10ms'
as $$
declare
  v_filter kongtask.job_filter := kongtask.filter_of(p_filter);
  v_final kongtask.final_job;
  v_finals kongtask.final_job[] := '{}';
  v_revived kongtask.final_job[] := '{}';
  v_seen record;
  v_ids int8[] := p_ids;
  v_rest int8[] := p_ids;
begin
  if v_filter.states is null or v_filter.states && '{scheduled,ready,running}' then
    return query
      select r.id, r.status from kongtask.reschedule_jobs(p_ids, p_queues, null, null, p_filter) as r
       where r.status <> 'missing';
    v_rest := array(
      select asked.id from unnest(p_ids) as asked (id)
       where asked.id not in (select live.id from kongtask.find_places(p_ids, p_queues) as live));
  end if;
  for v_seen in
    select rest.id, f.kept_in, f.day
      from unnest(v_rest) as rest (id)
      left join kongtask.find_finals(v_rest) as f on f.id = rest.id
     order by rest.id
  loop
    id := v_seen.id;
    v_final := kongtask.hold_final(id, v_seen.kept_in, v_seen.day, v_filter);
    if v_final.status = 'held' then
      v_finals := v_finals || v_final;
    else
      status := case v_final.status when 'unmatched' then 'refused' else v_final.status end;
      return next;
    end if;
  end loop;
  for v_final in
    select held.* from unnest(v_finals) as held
     order by held.task_id, held.extras ->> 'uniqueKey' collate "C", held.id
  loop
    id := v_final.id;
    if v_final.extras ? 'uniqueKey' then
      begin
        status := case when kongtask.revive(v_final) then 'done' else 'conflict' end;
      exception when lock_not_available then
        status := 'locked';
      end;
    else
      perform kongtask.revive(v_final);
      status := 'done';
    end if;
    if status = 'done' then
      v_revived := v_revived || kongtask.place_of_final(v_final);
    end if;
    return next;
  end loop;
  perform kongtask.drop_finals(v_revived);
end
$$;

-- Forgets jobs, wherever they are; not what runs. status: done, refused, locked, missing.
create function kongtask.delete_jobs(p_ids int8[], p_queues int4[], p_filter jsonb)
returns table (id int8, status text)
language plpgsql
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set search_path = pg_catalog, pg_temp
as $$
declare
  h record;
  v_filter kongtask.job_filter := kongtask.filter_of(p_filter);
  v_final kongtask.final_job;
  v_finals kongtask.final_job[] := '{}';
  v_places tid[];
  v_rest int8[] := '{}';
  v_gone kongtask.jobs[];
begin
  for h in select held.* from kongtask.hold_jobs(p_ids, p_queues, v_filter) as held order by held.id loop
    id := h.id;
    if h.status = 'waiting' then
      v_places := v_places || h.place;
      status := 'done';
    elsif h.status = 'missing' then
      v_rest := v_rest || id;
      continue;
    else
      status := case h.status when 'locked' then 'locked' else 'refused' end;
    end if;
    return next;
  end loop;
  for h in
    select rest.id, f.kept_in, f.day
      from unnest(v_rest) as rest (id)
      left join kongtask.find_finals(v_rest) as f on f.id = rest.id
     order by rest.id
  loop
    id := h.id;
    v_final := kongtask.hold_final(id, h.kept_in, h.day, v_filter);
    if v_final.status = 'held' then
      v_finals := v_finals || kongtask.place_of_final(v_final);
      status := 'done';
    else
      status := case v_final.status when 'unmatched' then 'refused' else v_final.status end;
    end if;
    return next;
  end loop;
  perform kongtask.drop_finals(v_finals);
  with gone as (
    delete from kongtask.jobs j where j.ctid = any (v_places) returning j as job
  )
  select array_agg(gone.job) into v_gone from gone;
  if v_gone is not null then
    perform kongtask.leave_keys_of(v_gone);
  end if;
end
$$;

-- Finding: down the ids, newest first, over all places where jobs are. One sequence makes all ids, so a range of ids holds
-- no more rows than it is wide, whatever queues, days of history and tables they lie in: each place is asked for its part
-- of the range, and what is read is no more than is looked at. Between ranges every place is asked for its newest id
-- below, which jumps gaps of any size. Where ids are sparse the ranges grow, where they are dense again they shrink.
-- p_before: ids below this one only; null from the newest. Returns up to p_limit ids that fit, newest first, each with its
-- queue; o_next: where to go on (as p_before), null where nothing is left; o_scanned: rows that were looked at, p_scan at
-- the most. Locks nothing. Indexes: jobs_pkey, dead_letters_id and history_id of each day.
create function kongtask.walk_jobs(
  p_filter jsonb, p_before int8, p_limit int4, p_scan int4,
  out o_ids int8[], out o_queues int4[], out o_next int8, out o_scanned int4)
language plpgsql stable
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
set enable_hashjoin = off
set enable_mergejoin = off
set search_path = pg_catalog, pg_temp
as $$
declare
  f kongtask.job_filter := kongtask.filter_of(p_filter);
  v_now timestamptz := kongtask.clock();
  v_live bool := (f.states is null or f.states && '{scheduled,ready,running}')
    and f.finished_from is null and f.finished_to is null;
  v_dead bool := f.states is null or 'dead' = any (f.states);
  v_kept bool := f.states is null or f.states && '{completed,cancelled}';
  v_queues int4[] := '{}';
  v_before int8 := coalesce(p_before, 9223372036854775807);
  v_width int8 := greatest(2 * p_limit, 500);
  v_looks int4 := 0;
  v_rows int4;
  v_top int8;
  v_low int8;
  v_seen int4;
  v_last int8;
  v_found int8[];
  v_found_queues int4[];
begin
  o_ids := '{}';
  o_queues := '{}';
  o_scanned := 0;
  if f.tasks = '{}' or f.queues = '{}' then
    return;
  end if;
  if v_live then
    v_queues := coalesce(f.queues, array(select q.id from kongtask.queues q order by q.id));
  end if;

  loop
    select max(newest.id) into v_top
      from (select (select j.id from kongtask.jobs j
                     where j.queue_id = q.id and j.id < v_before order by j.id desc limit 1) as id
              from unnest(v_queues) as q (id)
            union all
            (select d.id from kongtask.dead_letters d where v_dead and d.id < v_before order by d.id desc limit 1)
            union all
            (select h.id from kongtask.history h where v_kept and h.id < v_before order by h.id desc limit 1)
            union all
            (select h.id from kongtask.history_overflow h where v_kept and h.id < v_before order by h.id desc limit 1)
           ) as newest;
    if v_top is null then
      o_next := null;
      return;
    end if;
    -- Nothing lies between; so that a walk that was stopped here goes on here.
    o_next := v_top + case when v_top < 9223372036854775807 then 1 else 0 end;
    v_rows := least(p_scan - o_scanned, greatest(2 * p_limit, 500));
    exit when v_rows <= 0 or cardinality(o_ids) >= p_limit or v_looks >= 1000;
    v_looks := v_looks + 1;
    v_low := greatest(v_top - v_width + 1, 1);

    with walked as materialized (
      select w.id, w.queue_id, w.matches
        from (
          (select j.id, j.queue_id, kongtask.job_matches(
                    f, case when j.worker <> 0 then 'running' when j.run_at > v_now then 'scheduled' else 'ready' end,
                    j.task_id, j.queue_id, j.created_at, j.run_at, null, j.extras, j.errors) as matches
             from unnest(v_queues) as q (id)
            cross join lateral (
                   select * from kongtask.jobs j
                    where j.queue_id = q.id and j.id between v_low and v_top
                    order by j.id desc limit v_rows) as j)
          union all
          (select d.id, d.queue_id, d.expires_at > v_now and kongtask.job_matches(
                    f, 'dead', d.task_id, d.queue_id, d.created_at, d.run_at, d.finished_at, d.extras, d.errors)
             from kongtask.dead_letters d
            where v_dead and d.id between v_low and v_top
            order by d.id desc limit v_rows)
          union all
          (select h.id, h.queue_id, h.expires_at > v_now and kongtask.job_matches(
                    f, case when h.completed then 'completed' else 'cancelled' end, h.task_id, h.queue_id, h.created_at,
                    h.run_at, h.finished_at, h.extras, h.errors)
             from kongtask.history h
            where v_kept and h.id between v_low and v_top
            order by h.id desc limit v_rows)
          union all
          (select h.id, h.queue_id, h.expires_at > v_now and kongtask.job_matches(
                    f, case when h.completed then 'completed' else 'cancelled' end, h.task_id, h.queue_id, h.created_at,
                    h.run_at, h.finished_at, h.extras, h.errors)
             from kongtask.history_overflow h
            where v_kept and h.id between v_low and v_top
            order by h.id desc limit v_rows)
        ) as w
       order by w.id desc
       limit v_rows
    )
    select count(*), min(walked.id), array_agg(walked.id order by walked.id desc) filter (where walked.matches),
           array_agg(walked.queue_id order by walked.id desc) filter (where walked.matches)
      into v_seen, v_last, v_found, v_found_queues
      from walked;

    o_scanned := o_scanned + v_seen;
    o_ids := o_ids || v_found[1 : p_limit - cardinality(o_ids)];
    o_queues := o_queues || v_found_queues[1 : p_limit - cardinality(o_queues)];
    if cardinality(v_found) > 0 and o_ids[cardinality(o_ids)] <> v_found[cardinality(v_found)] then
      -- The limit has cut it off.
      o_next := o_ids[cardinality(o_ids)];
      return;
    end if;
    if v_seen >= v_rows then
      -- There may be more in this range.
      v_before := v_last;
      v_width := v_top - v_last + 1;
    else
      v_before := v_low;
      if v_seen < v_rows / 4 then
        v_width := least(v_width * 8, 1000000000000000);
      end if;
    end if;
  end loop;
end
$$;

-- Jobs in the order of p_ids, wherever they are; each is asked for where it most likely is first. Locks nothing.
create function kongtask.read_jobs(p_ids int8[], p_queues int4[])
returns table (
  id int8, task text, queue text, payload jsonb, state text, attempt int2, max_attempts int2, priority int2,
  run_at timestamptz, created_at timestamptz, finished_at timestamptz, extras jsonb, errors jsonb, result jsonb)
language plpgsql stable
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
set enable_hashjoin = off
set enable_mergejoin = off
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := kongtask.clock();
begin
  return query
    select f.id, t.name, q.name, f.payload, f.state, f.attempt, f.max_attempts, f.priority, f.run_at, f.created_at,
           f.finished_at, f.extras, f.errors, f.result
      from unnest(p_ids, p_queues) with ordinality as asked (id, queue_id, ord)
     cross join lateral (
            (select j.id, j.task_id, j.queue_id, j.payload,
                    case when j.worker <> 0 then 'running' when j.run_at > v_now then 'scheduled' else 'ready' end as state,
                    j.attempt, j.max_attempts, (j.lane & 15)::int2 as priority, j.run_at, j.created_at,
                    null::timestamptz as finished_at, j.extras, j.errors, null::jsonb as result
               from kongtask.jobs j
              where j.queue_id = asked.queue_id and j.id between asked.id and asked.id
              order by j.id limit 1)
            union all
            (select d.id, d.task_id, d.queue_id, d.payload, 'dead', d.attempt, d.max_attempts, d.priority, d.run_at,
                    d.created_at, d.finished_at, d.extras, d.errors, null
               from kongtask.dead_letters d
              where d.id = asked.id)
            union all
            (select h.id, h.task_id, h.queue_id, h.payload, case when h.completed then 'completed' else 'cancelled' end,
                    h.attempt, h.max_attempts, h.priority, h.run_at, h.created_at, h.finished_at, h.extras, h.errors,
                    h.result
               from (select * from kongtask.history union all select * from kongtask.history_overflow) as h
              where h.id = asked.id)
            limit 1) as f
      join kongtask.tasks t on t.id = f.task_id
      join kongtask.queues q on q.id = f.queue_id
     order by asked.ord;
end
$$;

-- One job, wherever it is. A function, because to plan for all days takes longer than to look: this way it is done once in
-- the life of a connection; and of what is over, history is asked first and dead letters only where it has nothing. One
-- look at the database (STABLE), so no job is missed between two tables. Indexes: jobs_pkey, history_id and dead_letters_id
-- of each day.
create function kongtask.read_job(p_id int8)
returns table (
  id int8, task text, queue text, payload jsonb, state text, attempt int2, max_attempts int2, priority int2,
  run_at timestamptz, created_at timestamptz, finished_at timestamptz, extras jsonb, errors jsonb, result jsonb,
  progress jsonb)
language plpgsql stable
set plan_cache_mode = force_generic_plan
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_now timestamptz := kongtask.clock();
  f record;
begin
  select j.id, j.task_id, j.queue_id, j.payload,
         case when j.worker <> 0 then 'running' when j.run_at > v_now then 'scheduled' else 'ready' end as state,
         j.attempt, j.max_attempts, (j.lane & 15)::int2 as priority, j.run_at, j.created_at,
         null::timestamptz as finished_at, j.extras, j.errors, null::jsonb as result
    into f
    from kongtask.queues q
   cross join lateral (
          select * from kongtask.jobs j where j.queue_id = q.id and j.id between p_id and p_id order by j.id limit 1) as j
   limit 1;
  if not found then
    select h.id, h.task_id, h.queue_id, h.payload, case when h.completed then 'completed' else 'cancelled' end as state,
           h.attempt, h.max_attempts, h.priority, h.run_at, h.created_at, h.finished_at, h.extras, h.errors, h.result
      into f
      from (select * from (select * from kongtask.history union all select * from kongtask.history_overflow) as kept
             where kept.id = p_id
             limit 1) as h
     where h.expires_at > v_now;
  end if;
  if not found then
    select d.id, d.task_id, d.queue_id, d.payload, 'dead' as state, d.attempt, d.max_attempts, d.priority, d.run_at,
           d.created_at, d.finished_at, d.extras, d.errors, null::jsonb as result
      into f
      from kongtask.dead_letters d
     where d.id = p_id and d.expires_at > v_now
     limit 1;
  end if;
  if not found then
    return;
  end if;
  return query
    select f.id, t.name, q.name, f.payload, f.state, f.attempt, f.max_attempts, f.priority, f.run_at, f.created_at,
           f.finished_at, f.extras, f.errors, f.result,
           (select jsonb_build_object('done', p.done, 'total', p.total, 'note', p.note, 'at', p.at)
              from kongtask.progress p
             where p.job_id = p_id)
      from kongtask.tasks t, kongtask.queues q
     where t.id = f.task_id and q.id = f.queue_id;
end
$$;

-- How jobs ended, those of p_ids that are over; the others are live. state: completed, dead, cancelled, or gone: there is
-- no such job (any more). Written as read_job, for the same reasons.
create function kongtask.read_ends(p_ids int8[])
returns table (id int8, state text, result jsonb, reason text, error jsonb)
language plpgsql stable
set plan_cache_mode = force_generic_plan
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
set enable_hashjoin = off
set enable_mergejoin = off
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_now timestamptz := kongtask.clock();
  v_left int8[] := array(
    select asked.id from unnest(p_ids) as asked (id)
     where not exists (
             select from kongtask.queues q
            cross join lateral (
                   select from kongtask.jobs j
                    where j.queue_id = q.id and j.id between asked.id and asked.id
                    order by j.id limit 1) as live));
  v_found int8[] := '{}';
begin
  if v_left = '{}' then
    return;
  end if;
  for id, state, result, reason in
    select h.id, case when h.completed then 'completed' else 'cancelled' end, h.result, h.reason
      from unnest(v_left) as o (id)
     cross join lateral (
            select * from (select * from kongtask.history union all select * from kongtask.history_overflow) as kept
             where kept.id = o.id
             limit 1) as h
     where h.expires_at > v_now
  loop
    v_found := v_found || id;
    return next;
  end loop;
  if cardinality(v_found) < cardinality(v_left) then
    return query
      select o.id, coalesce(d.state, 'gone'), null::jsonb, d.reason, d.errors -> -1
        from unnest(v_left) as o (id)
        left join lateral (
             select 'dead' as state, l.reason, l.errors from kongtask.dead_letters l
              where l.id = o.id and l.expires_at > v_now
              limit 1) as d on true
       where o.id <> all (v_found);
  end if;
end
$$;

-- The troubles behind the latest p_scan dead letters, the most frequent first. Index: dead_letters_recent of each day.
-- looked: dead letters that were looked at, all groups together.
create function kongtask.group_dead_letters(p_filter jsonb, p_scan int4)
returns table (
  task text, error text, letters int8, first_at timestamptz, last_at timestamptz, example int8, message text, looked int8)
language plpgsql stable
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set search_path = pg_catalog, pg_temp
as $$
declare
  f kongtask.job_filter := kongtask.filter_of(p_filter);
  v_now timestamptz := kongtask.clock();
begin
  return query
    with latest as materialized (
      select d.id, d.task_id, d.finished_at, d.errors -> -1 ->> 'message' as message,
             kongtask.job_matches(
               f, 'dead', d.task_id, d.queue_id, d.created_at, d.run_at, d.finished_at, d.extras, d.errors) as matches
        from kongtask.dead_letters d
       where d.expires_at > v_now
       order by d.finished_at desc, d.id desc
       limit p_scan
    ),
    grouped as (
      select l.task_id, kongtask.error_pattern(coalesce(l.message, '')) as pattern, count(*) as letters,
             min(l.finished_at) as first_at, max(l.finished_at) as last_at, max(l.id) as example
        from latest l
       where l.matches
       group by 1, 2
    )
    select t.name, g.pattern, g.letters, g.first_at, g.last_at, g.example,
           coalesce((select l.message from latest l where l.id = g.example), ''), (select count(*) from latest)
      from grouped g
      join kongtask.tasks t on t.id = g.task_id
     order by g.letters desc, g.last_at desc, g.example desc
     limit 1000;
end
$$;

select kongtask.renew_access();
