-- Settling: what executions came to is written, in batches, for exactly the leases that are still held.

-- Whether a row is one of those asked for, under the claim that was said: id and claim stand at the same place of two
-- arrays, and width_bucket, in arrays that are sorted, is the binary search that finds it.
create function kongtask.is_asked(p_id int8, p_claim int4, p_ids int8[], p_claims int4[]) returns bool
language sql immutable
return p_ids[width_bucket(p_id, p_ids)] = p_id and p_claims[width_bucket(p_id, p_ids)] = p_claim;

-- Completed jobs come in two kinds, each with ids in ascending order, the claims that they belong to and the places where
-- they lay when they were claimed: those to be forgotten (p_forget) and those to be kept in history (p_keep; p_results
-- is null or holds JSON text per job). A place saves the look into the index; where it is null or no longer right, the
-- index is asked after all.
-- p_others: an array of { id, claim, kind: retry | snoozed | released | cancelled | dead, delay? or at?, error?, reason? }.
-- p_closed: claims of which nothing is left in this process; their ledger rows end here.
-- o_refused: the fence refused these, others own them now. o_ended: these would have come back or died, but ended as
-- cancelled instead, for the reasons in o_reasons (why_ended).
-- Locks: the jobs, then the serial keys that they had. Two settlements never share a row, for leases differ; whatever else
-- takes several jobs skips locked ones.
create function kongtask.settle_jobs(
  p_worker int4, p_queue int4,
  p_forget int8[], p_forget_claims int4[], p_forget_places tid[],
  p_keep int8[], p_keep_claims int4[], p_keep_places tid[], p_results text[],
  p_others jsonb, p_closed int4[],
  out o_refused int8[], out o_ended int8[], out o_reasons text[])
language plpgsql
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_missing int8[];
  v_others record;
begin
  o_refused := '{}';
  if cardinality(p_forget) > 0 then
    v_missing := kongtask.missing(p_forget,
      kongtask.forget_completed(p_worker, p_queue, p_forget, p_forget_claims, p_forget_places));
    if v_missing is not null then
      o_refused := kongtask.missing(v_missing,
        kongtask.forget_completed(p_worker, p_queue, p_forget, p_forget_claims, kongtask.places_of(p_queue, v_missing)));
    end if;
  end if;

  if cardinality(p_keep) > 0 then
    v_missing := kongtask.missing(p_keep,
      kongtask.keep_completed(p_worker, p_queue, p_keep, p_keep_claims, p_keep_places, p_results));
    if v_missing is not null then
      o_refused := o_refused || kongtask.missing(v_missing,
        kongtask.keep_completed(
          p_worker, p_queue, p_keep, p_keep_claims, kongtask.places_of(p_queue, v_missing), p_results));
    end if;
  end if;

  if p_others is not null then
    select * into v_others from kongtask.settle_others(p_worker, p_queue, p_others);
    o_refused := o_refused || v_others.o_refused;
    o_ended := v_others.o_ended;
    o_reasons := v_others.o_reasons;
  end if;

  if cardinality(p_closed) > 0 then
    delete from kongtask.claims c where c.worker = p_worker and c.claim = any (p_closed) and c.queue_id = p_queue;
  end if;
  o_refused := coalesce(o_refused, '{}');
  o_ended := coalesce(o_ended, '{}');
  o_reasons := coalesce(o_reasons, '{}');
end
$$;

-- Those of p_places that are asked for and still held. Returns their ids.
create function kongtask.forget_completed(
  p_worker int4, p_queue int4, p_ids int8[], p_claims int4[], p_places tid[])
returns int8[]
language plpgsql
as $$
declare
  v_settled int8[];
  v_keys text[];
  v_key_ids int8[];
begin
  with gone as (
    delete from kongtask.jobs j
     where j.ctid = any (p_places) and j.worker = p_worker
       and kongtask.is_asked(j.id, j.claim, p_ids, p_claims)
    returning j.id, j.serial_key
  )
  select array_agg(gone.id),
         array_agg(gone.serial_key) filter (where gone.serial_key is not null),
         array_agg(gone.id) filter (where gone.serial_key is not null)
    into v_settled, v_keys, v_key_ids
    from gone;
  if v_keys is not null then
    perform kongtask.leave_keys(p_queue, v_keys, v_key_ids);
  end if;
  return v_settled;
end
$$;

create function kongtask.missing(p_all int8[], p_found int8[]) returns int8[]
language sql immutable
return case when cardinality(p_all) > coalesce(cardinality(p_found), 0)
         then array(select unnest(p_all) except select unnest(p_found)) end;

-- Completed jobs go to the day on which they expire; to the overflow where no day exists for that.
create function kongtask.keep_completed(
  p_worker int4, p_queue int4, p_ids int8[], p_claims int4[], p_places tid[], p_results text[])
returns int8[]
language plpgsql
as $$
declare
  v_now timestamptz := kongtask.clock();
  v_horizon timestamptz := (select until from kongtask.history_horizon);
  v_settled int8[];
  v_keys text[];
  v_key_ids int8[];
begin
  with gone as (
    delete from kongtask.jobs j
     where j.ctid = any (p_places) and j.worker = p_worker
       and kongtask.is_asked(j.id, j.claim, p_ids, p_claims)
    returning j.id, j.queue_id, j.run_at, j.created_at, v_now + j.retain_s * interval '1 s' as expires_at, j.task_id,
              (j.lane & 15)::int2 as priority, j.attempt, j.max_attempts, j.crashes, j.payload, j.serial_key, j.extras,
              j.errors, p_results[width_bucket(j.id, p_ids)]::jsonb as result
  ),
  kept as (
    insert into kongtask.history (
      id, run_at, created_at, finished_at, expires_at, queue_id, task_id, priority, attempt, max_attempts, crashes,
      completed, payload, extras, errors, result)
    select g.id, g.run_at, g.created_at, v_now, g.expires_at, g.queue_id, g.task_id, g.priority, g.attempt,
           g.max_attempts, g.crashes, true, g.payload, g.extras, g.errors, g.result
      from gone g
     where g.expires_at < v_horizon
  ),
  overflowed as (
    insert into kongtask.history_overflow (
      id, run_at, created_at, finished_at, expires_at, queue_id, task_id, priority, attempt, max_attempts, crashes,
      completed, payload, extras, errors, result)
    select g.id, g.run_at, g.created_at, v_now, g.expires_at, g.queue_id, g.task_id, g.priority, g.attempt,
           g.max_attempts, g.crashes, true, g.payload, g.extras, g.errors, g.result
      from gone g
     where g.expires_at >= v_horizon
  )
  select array_agg(gone.id),
         array_agg(gone.serial_key) filter (where gone.serial_key is not null),
         array_agg(gone.id) filter (where gone.serial_key is not null)
    into v_settled, v_keys, v_key_ids
    from gone;
  if v_keys is not null then
    perform kongtask.leave_keys(p_queue, v_keys, v_key_ids);
  end if;
  return v_settled;
end
$$;

-- A job that ends without being completed, as it is kept: cancelled jobs until they expire, like completed ones.
-- p_errors: what its last attempt failed with, null for nothing.
create function kongtask.keep_cancelled(p_jobs kongtask.jobs[], p_reasons text[], p_errors jsonb[]) returns void
language plpgsql
as $$
declare
  v_now timestamptz := kongtask.clock();
  v_horizon timestamptz := (select until from kongtask.history_horizon);
begin
  with ended as (
    select g.id, g.run_at, g.created_at, g.queue_id, g.task_id, (g.lane & 15)::int2 as priority, g.attempt,
           g.max_attempts, g.crashes, g.payload, g.extras, v_now + g.retain_s * interval '1 s' as expires_at,
           p_reasons[g.ord] as reason,
           case when p_errors[g.ord] is null then g.errors
                else kongtask.with_error(g.errors, p_errors[g.ord], g.attempt, v_now) end as errors
      from unnest(p_jobs) with ordinality as g (
             id, run_at, created_at, queue_id, task_id, worker, claim, retain_s, lane, attempt, max_attempts, crashes,
             payload, serial_key, extras, errors, ord)
     where g.retain_s > 0
  ),
  kept as (
    insert into kongtask.history (
      id, run_at, created_at, finished_at, expires_at, queue_id, task_id, priority, attempt, max_attempts, crashes,
      completed, payload, extras, errors, reason)
    select e.id, e.run_at, e.created_at, v_now, e.expires_at, e.queue_id, e.task_id, e.priority, e.attempt,
           e.max_attempts, e.crashes, false, e.payload, e.extras, e.errors, e.reason
      from ended e
     where e.expires_at < v_horizon
  )
  insert into kongtask.history_overflow (
    id, run_at, created_at, finished_at, expires_at, queue_id, task_id, priority, attempt, max_attempts, crashes,
    completed, payload, extras, errors, reason)
  select e.id, e.run_at, e.created_at, v_now, e.expires_at, e.queue_id, e.task_id, e.priority, e.attempt,
         e.max_attempts, e.crashes, false, e.payload, e.extras, e.errors, e.reason
    from ended e
   where e.expires_at >= v_horizon;
end
$$;

-- All that is not a plain completion. Rarer, so one statement a kind over the same list.
create function kongtask.settle_others(
  p_worker int4, p_queue int4, p_others jsonb,
  out o_refused int8[], out o_ended int8[], out o_reasons text[])
language plpgsql
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_now timestamptz := kongtask.clock();
  v_settled int8[] := '{}';
  v_step int8[];
  v_soon bool;
  v_gone kongtask.jobs[];
  v_reasons text[];
  v_errors jsonb[];
  v_keys text[];
  v_key_ids int8[];
begin
  -- What was cancelled while it ran ends as that, however else it would end, unless it was completed all the same; so
  -- does what would come back although its unique key went to a successor.
  with asked as materialized (
    select x.kind in ('retry', 'snoozed', 'released') as is_back,
           (select j.ctid
              from kongtask.jobs j
             where j.queue_id = p_queue and j.id between x.id and x.id
             order by j.id limit 1) as place
      from jsonb_to_recordset(p_others) as x (id int8, kind text)
  ),
  found as (
    select j.id, case when a.is_back then kongtask.why_ended(j.task_id, j.id, j.extras)
                      else j.extras ->> 'cancelled' end as reason
      from asked a
      join kongtask.jobs j on j.ctid = a.place
     where j.extras is not null
  )
  select array_agg(found.id), array_agg(found.reason) into o_ended, o_reasons
    from found
   where found.reason is not null;

  -- Back to the lane: a retry behind its delay with its error kept; a snoozed or released job with its attempt. A serial
  -- key stays with the job.
  with asked as materialized (
    select x.*, (select j.ctid
                   from kongtask.jobs j
                  where j.queue_id = p_queue and j.id between x.id and x.id
                  order by j.id limit 1) as place
      from jsonb_to_recordset(p_others) as x (id int8, claim int4, kind text, delay float8, at timestamptz, error jsonb)
     where kind in ('retry', 'snoozed', 'released') and (o_ended is null or x.id <> all (o_ended))
  ),
  back as (
    update kongtask.jobs j
       set worker = 0, claim = 0,
           attempt = j.attempt - case when a.kind = 'retry' then 0 else 1 end,
           -- Whichever of the two was said.
           run_at = case when a.kind = 'released' then j.run_at
                         else greatest(v_now, a.at, v_now + a.delay * interval '1 ms') end,
           errors = case when a.kind = 'retry' then kongtask.with_error(j.errors, a.error, j.attempt, v_now)
                         else j.errors end,
           extras = case when a.kind = 'snoozed' then coalesce(j.extras, '{}')
                           || jsonb_build_object('snoozes', coalesce((j.extras ->> 'snoozes')::int4, 0) + 1)
                         else j.extras end
      from asked a
     where j.ctid = a.place and j.worker = p_worker and j.claim = a.claim
    returning j.id, j.run_at
  )
  select array_agg(back.id), coalesce(bool_or(back.run_at < v_now + interval '1 minute'), false)
    into v_step, v_soon
    from back;
  v_settled := v_settled || v_step;
  if v_soon then
    perform pg_notify('kongtask:ready', p_queue::text);
  end if;

  with asked as materialized (
    select x.*, (select j.ctid
                   from kongtask.jobs j
                  where j.queue_id = p_queue and j.id between x.id and x.id
                  order by j.id limit 1) as place
      from jsonb_to_recordset(p_others) as x (id int8, claim int4, kind text, error jsonb, reason text)
     where kind = 'dead' and (o_ended is null or x.id <> all (o_ended))
  ),
  gone as (
    delete from kongtask.jobs j
     using asked a
     where j.ctid = a.place and j.worker = p_worker and j.claim = a.claim
    returning j.*, a.error, a.reason
  ),
  buried as (
    insert into kongtask.dead_letters (
      id, run_at, created_at, finished_at, queue_id, task_id, retain_s, priority, attempt, max_attempts, crashes,
      reason, payload, extras, errors)
    select g.id, g.run_at, g.created_at, v_now, g.queue_id, g.task_id, g.retain_s, g.lane & 15, g.attempt,
           g.max_attempts, g.crashes, g.reason, g.payload, g.extras,
           kongtask.with_error(g.errors, g.error, g.attempt, v_now)
      from gone g
  )
  select array_agg(gone.id),
         array_agg(gone.serial_key) filter (where gone.serial_key is not null),
         array_agg(gone.id) filter (where gone.serial_key is not null)
    into v_step, v_keys, v_key_ids
    from gone;
  v_settled := v_settled || v_step;
  if v_keys is not null then
    perform kongtask.leave_keys(p_queue, v_keys, v_key_ids);
  end if;

  with asked as materialized (
    select x.id, x.claim,
           coalesce(o_reasons[array_position(o_ended, x.id)], x.reason) as reason,
           case when x.kind in ('retry', 'dead') then x.error end as error,
           (select j.ctid
              from kongtask.jobs j
             where j.queue_id = p_queue and j.id between x.id and x.id
             order by j.id limit 1) as place
      from jsonb_to_recordset(p_others) as x (id int8, claim int4, kind text, reason text, error jsonb)
     where kind = 'cancelled' or x.id = any (o_ended)
  ),
  gone as (
    delete from kongtask.jobs j
     using asked a
     where j.ctid = a.place and j.worker = p_worker and j.claim = a.claim
    returning j as job, j.id, j.serial_key, a.reason, a.error
  )
  select array_agg(gone.job), array_agg(gone.reason), array_agg(gone.error), array_agg(gone.id),
         array_agg(gone.serial_key) filter (where gone.serial_key is not null),
         array_agg(gone.id) filter (where gone.serial_key is not null)
    into v_gone, v_reasons, v_errors, v_step, v_keys, v_key_ids
    from gone;
  if v_gone is not null then
    perform kongtask.keep_cancelled(v_gone, v_reasons, v_errors);
  end if;
  if v_keys is not null then
    perform kongtask.leave_keys(p_queue, v_keys, v_key_ids);
  end if;
  v_settled := v_settled || v_step;

  o_refused := array(
    select a.id from jsonb_to_recordset(p_others) as a (id int8) except select unnest(v_settled));
end
$$;

-- The attempt's number and time are the database's to say. The first error and the latest 99 are kept: a task with
-- a thousand attempts must not grow a row without bound.
create function kongtask.with_error(p_errors jsonb, p_error jsonb, p_attempt int2, p_at timestamptz) returns jsonb
language sql immutable
return case when jsonb_array_length(p_errors) >= 100 then p_errors - 1 else coalesce(p_errors, '[]') end
       || jsonb_build_array(jsonb_build_object('attempt', p_attempt, 'at', p_at) || p_error);
