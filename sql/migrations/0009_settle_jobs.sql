-- Settling: what executions came to is written, in batches, for exactly the leases that are still held.

-- Whether a row is one of those asked for, under the claim that was said: id and claim stand at the same place of two
-- arrays, and width_bucket, in arrays that are sorted, is the binary search that finds it.
create function kongtask.is_asked(p_id int8, p_claim int4, p_ids int8[], p_claims int4[]) returns bool
language sql immutable
return p_ids[width_bucket(p_id, p_ids)] = p_id and p_claims[width_bucket(p_id, p_ids)] = p_claim;

-- What a job leaves to others when it leaves its lease: its serial key, its place under limits.
create type kongtask.left_job as (id int8, key text, limits jsonb);

-- Jobs that left their leases. inheritance: of those that leave something; null for none, as nearly always.
create type kongtask.gone_jobs as (ids int8[], inheritance kongtask.left_job[]);

create function kongtask.both(a kongtask.gone_jobs, b kongtask.gone_jobs) returns kongtask.gone_jobs
language sql immutable
return row (a.ids || b.ids, a.inheritance || b.inheritance)::kongtask.gone_jobs;

-- Last in a transaction of ours, and once: the locks are taken in order.
create function kongtask.let_go(p_queue int4, p_inheritance kongtask.left_job[]) returns void
language plpgsql
as $$
declare
  v_keys text[];
  v_ids int8[];
  v_limits jsonb[];
begin
  if p_inheritance is not null then
    select array_agg(l.key) filter (where l.key is not null), array_agg(l.id) filter (where l.key is not null),
           array_agg(l.limits) filter (where l.limits is not null)
      into v_keys, v_ids, v_limits
      from unnest(p_inheritance) as l;
    if v_keys is not null then
      perform kongtask.leave_keys(p_queue, v_keys, v_ids);
    end if;
    if v_limits is not null then
      perform kongtask.pass_on(p_queue, v_limits, true);
    end if;
  end if;
  -- Others may be asleep because there was no room.
  perform pg_notify('kongtask:ready', q.id::text)
     from kongtask.queues q where q.id = p_queue and q.concurrency is not null;
end
$$;

-- Completed jobs come in two kinds, each with ids in ascending order, the claims that they belong to and the places where
-- they lay when they were claimed: those to be forgotten (p_forget) and those to be kept in history (p_keep; p_results
-- is null or holds JSON text per job). A place saves the look into the index; where it is null or no longer right, the
-- index is asked after all.
-- p_others: an array of { id, claim, kind: retry | snoozed | deferred | released | cancelled | dead, delay? or at?, error?,
-- reason? }.
-- p_closed: claims of which nothing is left in this process; their ledger rows end here.
-- o_refused: the fence refused these, others own them now. o_ended: these would have come back or died, but ended as
-- cancelled instead, for the reasons in o_reasons (why_ended).
-- Locks: the jobs, then the serial keys that they had, then the gates of their limits. Two settlements never share a row,
-- for leases differ; whatever else takes several jobs skips locked ones.
create function kongtask.settle_jobs(
  p_worker int4, p_queue int4,
  p_forget int8[], p_forget_claims int4[], p_forget_places tid[],
  p_keep int8[], p_keep_claims int4[], p_keep_places tid[], p_results text[],
  p_others jsonb, p_closed int4[],
  out o_refused int8[], out o_ended int8[], out o_reasons text[])
language plpgsql
set jit = off
-- The settings below leave one plan; to think it over with each call's values is a third of a small call's time.
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_all kongtask.gone_jobs;
  v_gone kongtask.gone_jobs;
  v_late kongtask.gone_jobs;
  v_missing int8[];
  v_others record;
begin
  if cardinality(p_forget) > 0 then
    v_all := kongtask.forget_completed(p_worker, p_forget, p_forget_claims, p_forget_places);
    if cardinality(p_forget) > coalesce(cardinality(v_all.ids), 0) then
      v_missing := kongtask.missing(p_forget, v_all.ids);
      v_gone := kongtask.forget_completed(
        p_worker, p_forget, p_forget_claims,
        kongtask.lock_held(p_worker, p_queue, v_missing, p_forget, p_forget_claims));
      v_all := kongtask.both(v_all, v_gone);
      o_refused := kongtask.missing(v_missing, v_gone.ids);
    end if;
  end if;

  if cardinality(p_keep) > 0 then
    v_gone := kongtask.keep_completed(p_worker, p_keep, p_keep_claims, p_keep_places, p_results);
    if cardinality(p_keep) > coalesce(cardinality(v_gone.ids), 0) then
      v_missing := kongtask.missing(p_keep, v_gone.ids);
      v_late := kongtask.keep_completed(
        p_worker, p_keep, p_keep_claims,
        kongtask.lock_held(p_worker, p_queue, v_missing, p_keep, p_keep_claims), p_results);
      v_gone := kongtask.both(v_gone, v_late);
      o_refused := o_refused || kongtask.missing(v_missing, v_late.ids);
    end if;
    if v_all is null then
      v_all := v_gone;
    else
      v_all := kongtask.both(v_all, v_gone);
    end if;
  end if;

  if p_others is not null then
    select * into v_others from kongtask.settle_others(p_worker, p_queue, p_others);
    v_all := kongtask.both(v_all, v_others.o_gone);
    o_refused := o_refused || v_others.o_refused;
    o_ended := v_others.o_ended;
    o_reasons := v_others.o_reasons;
  end if;

  if cardinality(p_closed) > 0 then
    delete from kongtask.claims c where c.worker = p_worker and c.claim = any (p_closed) and c.queue_id = p_queue;
  end if;
  perform kongtask.let_go(p_queue, v_all.inheritance);
  o_refused := coalesce(o_refused, '{}');
  o_ended := coalesce(o_ended, '{}');
  o_reasons := coalesce(o_reasons, '{}');
end
$$;

create function kongtask.missing(p_all int8[], p_found int8[]) returns int8[]
language sql immutable
return case when cardinality(p_all) > coalesce(cardinality(p_found), 0)
         then array(select unnest(p_all) except select unnest(p_found)) end;

-- Locks those of p_wanted that are still held under the claims asked for, and returns where they lie; there they stay. A
-- row that moves while it is waited for (an operator marks it as cancelled) is looked for again: to miss it would be to
-- refuse a lease that holds, and the ledger row that vouches for it ends with this settlement.
create function kongtask.lock_held(
  p_worker int4, p_queue int4, p_wanted int8[], p_ids int8[], p_claims int4[])
returns tid[]
language plpgsql
as $$
declare
  v_places tid[];
begin
  loop
    v_places := array(
      select j.ctid
        from kongtask.jobs j
       where j.ctid = any (kongtask.places_of(p_queue, p_wanted)) and j.worker = p_worker
         and kongtask.is_asked(j.id, j.claim, p_ids, p_claims)
         for update);
    -- Those that are there to see now are all locked, or one of them has moved meanwhile.
    exit when not exists (
      select from kongtask.jobs j
       where j.ctid = any (kongtask.places_of(p_queue, p_wanted)) and j.ctid <> all (v_places)
         and j.worker = p_worker and kongtask.is_asked(j.id, j.claim, p_ids, p_claims));
  end loop;
  return v_places;
end
$$;

-- Those of p_places that are asked for and still held.
create function kongtask.forget_completed(p_worker int4, p_ids int8[], p_claims int4[], p_places tid[])
returns kongtask.gone_jobs
language plpgsql
as $$
declare
  v_gone kongtask.gone_jobs;
begin
  with gone as (
    delete from kongtask.jobs j
     where j.ctid = any (p_places) and j.worker = p_worker
       and kongtask.is_asked(j.id, j.claim, p_ids, p_claims)
    returning j.id, j.serial_key, j.limits
  )
  select array_agg(gone.id),
         array_agg((gone.id, gone.serial_key, gone.limits)::kongtask.left_job)
           filter (where gone.serial_key is not null or gone.limits is not null)
    into v_gone
    from gone;
  return v_gone;
end
$$;

-- Completed jobs go to the day on which they expire; to the overflow where no day exists for that: it lies behind the last
-- one, or the clock went back behind the first.
create function kongtask.keep_completed(
  p_worker int4, p_ids int8[], p_claims int4[], p_places tid[], p_results text[])
returns kongtask.gone_jobs
language plpgsql
as $$
declare
  v_now timestamptz := kongtask.clock();
  v_days kongtask.history_horizon := (select h from kongtask.history_horizon h);
  v_gone kongtask.gone_jobs;
begin
  with gone as (
    delete from kongtask.jobs j
     where j.ctid = any (p_places) and j.worker = p_worker
       and kongtask.is_asked(j.id, j.claim, p_ids, p_claims)
    returning j.id, j.queue_id, j.run_at, j.created_at, v_now + j.retain_s * interval '1 s' as expires_at, j.task_id,
              (j.lane & 15)::int2 as priority, j.attempt, j.max_attempts, j.crashes, j.payload, j.serial_key, j.limits,
              j.extras, j.errors, p_results[width_bucket(j.id, p_ids)]::jsonb as result
  ),
  kept as (
    insert into kongtask.history (
      id, run_at, created_at, finished_at, expires_at, queue_id, task_id, priority, attempt, max_attempts, crashes,
      completed, payload, extras, errors, result)
    select g.id, g.run_at, g.created_at, v_now, g.expires_at, g.queue_id, g.task_id, g.priority, g.attempt,
           g.max_attempts, g.crashes, true, g.payload, g.extras, g.errors, g.result
      from gone g
     where g.expires_at >= v_days.since and g.expires_at < v_days.until
  ),
  overflowed as (
    insert into kongtask.history_overflow (
      id, run_at, created_at, finished_at, expires_at, queue_id, task_id, priority, attempt, max_attempts, crashes,
      completed, payload, extras, errors, result)
    select g.id, g.run_at, g.created_at, v_now, g.expires_at, g.queue_id, g.task_id, g.priority, g.attempt,
           g.max_attempts, g.crashes, true, g.payload, g.extras, g.errors, g.result
      from gone g
     where g.expires_at < v_days.since or g.expires_at >= v_days.until
  )
  select array_agg(gone.id),
         array_agg((gone.id, gone.serial_key, gone.limits)::kongtask.left_job)
           filter (where gone.serial_key is not null or gone.limits is not null)
    into v_gone
    from gone;
  return v_gone;
end
$$;

-- The same for jobs that were taken away one by one: completed, with a result or none; or ended otherwise, for a reason.
-- p_errors: what the last attempt failed with, null for nothing. Of these arrays any may be null, for all of them.
create function kongtask.keep_ended(
  p_jobs kongtask.jobs[], p_completed bool, p_results jsonb[], p_reasons text[], p_errors jsonb[])
returns void
language plpgsql
as $$
declare
  v_now timestamptz := kongtask.clock();
  v_days kongtask.history_horizon := (select h from kongtask.history_horizon h);
begin
  with ended as (
    select g.id, g.run_at, g.created_at, g.queue_id, g.task_id, (g.lane & 15)::int2 as priority, g.attempt,
           g.max_attempts, g.crashes, g.payload, g.extras, v_now + g.retain_s * interval '1 s' as expires_at,
           p_results[g.ordinality] as result, p_reasons[g.ordinality] as reason,
           case when p_errors[g.ordinality] is null then g.errors
                else kongtask.with_error(g.errors, p_errors[g.ordinality], g.attempt, v_now) end as errors
      from unnest(p_jobs) with ordinality as g
     where g.retain_s > 0
  ),
  kept as (
    insert into kongtask.history (
      id, run_at, created_at, finished_at, expires_at, queue_id, task_id, priority, attempt, max_attempts, crashes,
      completed, payload, extras, errors, result, reason)
    select e.id, e.run_at, e.created_at, v_now, e.expires_at, e.queue_id, e.task_id, e.priority, e.attempt,
           e.max_attempts, e.crashes, p_completed, e.payload, e.extras, e.errors, e.result, e.reason
      from ended e
     where e.expires_at >= v_days.since and e.expires_at < v_days.until
  )
  insert into kongtask.history_overflow (
    id, run_at, created_at, finished_at, expires_at, queue_id, task_id, priority, attempt, max_attempts, crashes,
    completed, payload, extras, errors, result, reason)
  select e.id, e.run_at, e.created_at, v_now, e.expires_at, e.queue_id, e.task_id, e.priority, e.attempt,
         e.max_attempts, e.crashes, p_completed, e.payload, e.extras, e.errors, e.result, e.reason
    from ended e
   where e.expires_at < v_days.since or e.expires_at >= v_days.until;
end
$$;

-- What became of a job that was not plainly completed, and where the job lies.
create type kongtask.other_job as (
  id int8, claim int4, kind text, delay float8, at timestamptz, error jsonb, reason text, place tid);

-- Rarer, so the jobs are locked first, and then there is a statement a kind.
create function kongtask.settle_others(
  p_worker int4, p_queue int4, p_others jsonb,
  out o_refused int8[], out o_ended int8[], out o_reasons text[], out o_gone kongtask.gone_jobs)
language plpgsql
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_now timestamptz;
  v_ids int8[];
  v_claims int4[];
  v_others kongtask.other_job[];
  v_step kongtask.gone_jobs;
  v_soon bool;
  v_days kongtask.dead_letters_horizon;
  v_jobs kongtask.jobs[];
  v_reasons text[];
  v_errors jsonb[];
begin
  select array_agg(x.id order by x.id), array_agg(x.claim order by x.id) into v_ids, v_claims
    from jsonb_to_recordset(p_others) as x (id int8, claim int4);
  perform kongtask.lock_held(p_worker, p_queue, v_ids, v_ids, v_claims);
  -- Behind the locks, which give the transaction its number: see marks (0008).
  v_now := kongtask.clock();
  v_others := array(
    select (x.id, x.claim, x.kind, x.delay, x.at, x.error, x.reason,
            (select j.ctid
               from kongtask.jobs j
              where j.queue_id = p_queue and j.id between x.id and x.id
              order by j.id limit 1))::kongtask.other_job
      from jsonb_to_recordset(p_others) as x (
             id int8, claim int4, kind text, delay float8, at timestamptz, error jsonb, reason text));

  -- What was cancelled while it ran ends as that, however else it would end, unless it was completed all the same; so
  -- does what would come back although its unique key went to a successor.
  with found as (
    select j.id, case when x.kind in ('retry', 'snoozed', 'deferred', 'released') then kongtask.why_ended(j.task_id, j.id, j.extras)
                      else j.extras ->> 'cancelled' end as reason
      from unnest(v_others) as x
      join kongtask.jobs j on j.ctid = x.place
     where j.worker = p_worker and j.claim = x.claim and j.extras is not null
  )
  select array_agg(found.id), array_agg(found.reason) into o_ended, o_reasons
    from found
   where found.reason is not null;

  -- Back to the lane: a retry behind its delay with its error kept; what else comes back with its attempt. What was
  -- deferred counts how often, until somebody has run it. What was run to its end is not what its processes died of, so
  -- their crashes are forgotten. A serial key stays with the job. What is released stands at the head of its lane again, so
  -- its limits let nobody else go first.
  with back as (
    update kongtask.jobs j
       set worker = 0, claim = 0,
           attempt = j.attempt - case when x.kind = 'retry' then 0 else 1 end,
           crashes = case when x.kind in ('retry', 'snoozed') then 0 else j.crashes end,
           lane = (j.lane & 15) + case when x.kind = 'released' then 128 else 0 end,
           -- Whichever of the two was said.
           run_at = case when x.kind = 'released' then j.run_at
                         else greatest(v_now, x.at, v_now + x.delay * interval '1 ms') end,
           errors = case when x.kind = 'retry' then kongtask.with_error(j.errors, x.error, j.attempt, v_now)
                         else j.errors end,
           extras = case x.kind
                      when 'snoozed' then coalesce(j.extras - 'deferrals', '{}')
                        || jsonb_build_object('snoozes', coalesce((j.extras ->> 'snoozes')::int4, 0) + 1)
                      when 'deferred' then coalesce(j.extras, '{}')
                        || jsonb_build_object('deferrals', coalesce((j.extras ->> 'deferrals')::int4, 0) + 1)
                      when 'retry' then j.extras - 'deferrals'
                      else j.extras end
      from unnest(v_others) as x
     where j.ctid = x.place and j.worker = p_worker and j.claim = x.claim
       and x.kind in ('retry', 'snoozed', 'deferred', 'released') and (o_ended is null or x.id <> all (o_ended))
    returning j.id, j.run_at, j.limits, x.kind
  )
  select array_agg(back.id),
         array_agg((back.id, null, back.limits)::kongtask.left_job)
           filter (where back.limits is not null and back.kind <> 'released'),
         coalesce(bool_or(back.run_at < v_now + interval '1 minute'), false)
    into v_step.ids, v_step.inheritance, v_soon
    from back;
  o_gone := v_step;
  if v_soon then
    perform pg_notify('kongtask:ready', p_queue::text);
  end if;

  -- Dead letters go to the day on which they expire.
  v_days := (select h from kongtask.dead_letters_horizon h);
  with gone as (
    delete from kongtask.jobs j
     using unnest(v_others) as x
     where j.ctid = x.place and j.worker = p_worker and j.claim = x.claim
       and x.kind = 'dead' and (o_ended is null or x.id <> all (o_ended))
    returning j.*, x.error, x.reason,
              coalesce(v_now + (j.extras #>> '{retain,dead}')::float8 * interval '1 ms', 'infinity') as expires_at
  ),
  buried as (
    insert into kongtask.dead_letters (
      id, run_at, created_at, finished_at, expires_at, dropped_at, queue_id, task_id, retain_s, priority, attempt,
      max_attempts, crashes, reason, payload, extras, errors)
    select g.id, g.run_at, g.created_at, v_now, g.expires_at,
           case when g.expires_at >= v_days.since and g.expires_at < v_days.until then g.expires_at else 'infinity' end,
           g.queue_id, g.task_id, g.retain_s, g.lane & 15, g.attempt, g.max_attempts, g.crashes, g.reason, g.payload,
           g.extras, kongtask.with_error(g.errors, g.error, g.attempt, v_now)
      from gone g
  )
  select array_agg(gone.id),
         array_agg((gone.id, gone.serial_key, gone.limits)::kongtask.left_job)
           filter (where gone.serial_key is not null or gone.limits is not null)
    into v_step
    from gone;
  o_gone := kongtask.both(o_gone, v_step);

  with gone as (
    delete from kongtask.jobs j
     using unnest(v_others) as x
     where j.ctid = x.place and j.worker = p_worker and j.claim = x.claim
       and (x.kind = 'cancelled' or x.id = any (o_ended))
    returning j as job, j.id, j.serial_key, j.limits,
              coalesce(o_reasons[array_position(o_ended, x.id)], x.reason) as reason,
              case when x.kind in ('retry', 'dead') then x.error end as error
  )
  select array_agg(gone.job), array_agg(gone.reason), array_agg(gone.error), array_agg(gone.id),
         array_agg((gone.id, gone.serial_key, gone.limits)::kongtask.left_job)
           filter (where gone.serial_key is not null or gone.limits is not null)
    into v_jobs, v_reasons, v_errors, v_step.ids, v_step.inheritance
    from gone;
  if v_jobs is not null then
    perform kongtask.keep_ended(v_jobs, false, null, v_reasons, v_errors);
    o_gone := kongtask.both(o_gone, v_step);
  end if;

  o_refused := kongtask.missing(v_ids, o_gone.ids);
end
$$;

-- The attempt's number and time are the database's to say. The first error and the latest 99 are kept: a task with
-- a thousand attempts must not grow a row without bound.
create function kongtask.with_error(p_errors jsonb, p_error jsonb, p_attempt int2, p_at timestamptz) returns jsonb
language sql stable
return case when jsonb_array_length(p_errors) >= 100 then p_errors - 1 else coalesce(p_errors, '[]') end
       || jsonb_build_array(jsonb_build_object('attempt', p_attempt, 'at', p_at) || p_error);
