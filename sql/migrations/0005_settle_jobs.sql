-- Settling: what executions came to is written, in batches, for exactly the leases that are still held.

-- Whether a row is one of those asked for, under the claim that was said: id and claim stand at the same place of two
-- arrays, and width_bucket, in arrays that are sorted, is the binary search that finds it.
create function kongtask.is_asked(p_id int8, p_claim int4, p_ids int8[], p_claims int4[]) returns bool
language sql immutable
return p_ids[width_bucket(p_id, p_ids)] = p_id and p_claims[width_bucket(p_id, p_ids)] = p_claim;

-- Where jobs are (ctid), by one look into jobs_pkey each. What settles a job goes to its place. Neither a join nor
-- `id = any (…)` beside the queue would do: statistics from when the table was empty make both a walk of the queue, and
-- `id = …` a walk of jobs_lane. An order by id, where sorting is off, leaves only jobs_pkey.
create function kongtask.places_of(p_queue int4, p_ids int8[]) returns tid[]
language plpgsql stable
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
as $$
begin
  return array(
    select (select j.ctid
              from kongtask.jobs j
             where j.queue_id = p_queue and j.id between asked.id and asked.id
             order by j.id limit 1)
      from unnest(p_ids) as asked (id));
end
$$;

-- Completed jobs come in two kinds, each with ids in ascending order, the claims that they belong to and the places where
-- they lay when they were claimed: those to be forgotten (p_forget) and those to be kept in history (p_keep; p_results
-- is null or holds JSON text per job). A place saves the look into the index; where it is null or no longer right, the
-- index is asked after all.
-- p_others: an array of { id, claim, kind: retry | snoozed | released | cancelled | dead, delay?, error?, reason? }.
-- p_closed: claims of which nothing is left in this process; their ledger rows end here.
-- Returns the ids that the fence refused: others own those jobs now.
-- Locks: the jobs. Two settlements never share a row, for leases differ; whatever else takes several skips locked ones.
create function kongtask.settle_jobs(
  p_worker int4, p_queue int4,
  p_forget int8[], p_forget_claims int4[], p_forget_places tid[],
  p_keep int8[], p_keep_claims int4[], p_keep_places tid[], p_results text[],
  p_others jsonb, p_closed int4[])
returns int8[]
language plpgsql
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_missing int8[];
  v_refused int8[];
begin
  if cardinality(p_forget) > 0 then
    v_missing := kongtask.missing(p_forget,
      kongtask.forget_completed(p_worker, p_forget, p_forget_claims, p_forget_places));
    if v_missing is not null then
      v_refused := kongtask.missing(v_missing,
        kongtask.forget_completed(p_worker, p_forget, p_forget_claims, kongtask.places_of(p_queue, v_missing)));
    end if;
  end if;

  if cardinality(p_keep) > 0 then
    v_missing := kongtask.missing(p_keep,
      kongtask.keep_completed(p_worker, p_keep, p_keep_claims, p_keep_places, p_results));
    if v_missing is not null then
      v_refused := v_refused || kongtask.missing(v_missing,
        kongtask.keep_completed(p_worker, p_keep, p_keep_claims, kongtask.places_of(p_queue, v_missing), p_results));
    end if;
  end if;

  if p_others is not null then
    v_refused := v_refused || kongtask.settle_others(p_worker, p_queue, p_others);
  end if;

  if cardinality(p_closed) > 0 then
    delete from kongtask.claims c where c.worker = p_worker and c.claim = any (p_closed) and c.queue_id = p_queue;
  end if;
  return coalesce(v_refused, '{}');
end
$$;

-- Those of p_places that are asked for and still held. Returns their ids.
create function kongtask.forget_completed(p_worker int4, p_ids int8[], p_claims int4[], p_places tid[])
returns int8[]
language plpgsql
as $$
declare
  v_settled int8[];
begin
  with gone as (
    delete from kongtask.jobs j
     where j.ctid = any (p_places) and j.worker = p_worker
       and kongtask.is_asked(j.id, j.claim, p_ids, p_claims)
    returning j.id
  )
  select array_agg(gone.id) into v_settled from gone;
  return v_settled;
end
$$;

create function kongtask.missing(p_all int8[], p_found int8[]) returns int8[]
language sql immutable
return case when cardinality(p_all) > coalesce(cardinality(p_found), 0)
         then array(select unnest(p_all) except select unnest(p_found)) end;

-- Completed jobs go to the day on which they expire; to the overflow where no day exists for that.
create function kongtask.keep_completed(
  p_worker int4, p_ids int8[], p_claims int4[], p_places tid[], p_results text[])
returns int8[]
language plpgsql
as $$
declare
  v_now timestamptz := kongtask.clock();
  v_horizon timestamptz := (select until from kongtask.history_horizon);
  v_settled int8[];
begin
  with gone as (
    delete from kongtask.jobs j
     where j.ctid = any (p_places) and j.worker = p_worker
       and kongtask.is_asked(j.id, j.claim, p_ids, p_claims)
    returning j.id, j.queue_id, j.run_at, j.created_at, v_now + j.retain_s * interval '1 s' as expires_at, j.task_id, j.priority,
              j.attempt, j.max_attempts, j.crashes, j.payload, j.extras, j.errors,
              p_results[width_bucket(j.id, p_ids)]::jsonb as result
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
  select array_agg(gone.id) into v_settled from gone;
  return v_settled;
end
$$;

-- All that is not a plain completion. Rarer, so one statement a kind over the same list.
create function kongtask.settle_others(p_worker int4, p_queue int4, p_others jsonb)
returns int8[]
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
  v_horizon timestamptz := (select until from kongtask.history_horizon);
  v_settled int8[] := '{}';
  v_step int8[];
  v_soon bool;
begin
  -- Back to the lane: a retry behind its delay with its error kept; a snoozed or released job with its attempt.
  with asked as materialized (
    select x.*, (select j.ctid
                   from kongtask.jobs j
                  where j.queue_id = p_queue and j.id between x.id and x.id
                  order by j.id limit 1) as place
      from jsonb_to_recordset(p_others) as x (id int8, claim int4, kind text, delay float8, error jsonb)
     where kind in ('retry', 'snoozed', 'released')
  ),
  back as (
    update kongtask.jobs j
       set worker = 0, claim = 0,
           attempt = j.attempt - case when a.kind = 'retry' then 0 else 1 end,
           run_at = case when a.kind = 'released' then j.run_at else v_now + a.delay * interval '1 ms' end,
           errors = case when a.kind = 'retry' then kongtask.with_error(j.errors, a.error, j.attempt, v_now)
                         else j.errors end
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
     where kind = 'dead'
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
    select g.id, g.run_at, g.created_at, v_now, g.queue_id, g.task_id, g.retain_s, g.priority, g.attempt,
           g.max_attempts, g.crashes, g.reason, g.payload, g.extras,
           kongtask.with_error(g.errors, g.error, g.attempt, v_now)
      from gone g
    returning id
  )
  select array_agg(buried.id) into v_step from buried;
  v_settled := v_settled || v_step;

  with asked as materialized (
    select x.*, (select j.ctid
                   from kongtask.jobs j
                  where j.queue_id = p_queue and j.id between x.id and x.id
                  order by j.id limit 1) as place
      from jsonb_to_recordset(p_others) as x (id int8, claim int4, kind text, reason text)
     where kind = 'cancelled'
  ),
  gone as (
    delete from kongtask.jobs j
     using asked a
     where j.ctid = a.place and j.worker = p_worker and j.claim = a.claim
    returning j.*, a.reason
  ),
  kept as (
    insert into kongtask.history (
      id, run_at, created_at, finished_at, expires_at, queue_id, task_id, priority, attempt, max_attempts, crashes,
      completed, payload, extras, errors, reason)
    select g.id, g.run_at, g.created_at, v_now, v_now + g.retain_s * interval '1 s', g.queue_id, g.task_id, g.priority,
           g.attempt, g.max_attempts, g.crashes, false, g.payload, g.extras, g.errors, g.reason
      from gone g
     where g.retain_s > 0 and v_now + g.retain_s * interval '1 s' < v_horizon
  ),
  overflowed as (
    insert into kongtask.history_overflow (
      id, run_at, created_at, finished_at, expires_at, queue_id, task_id, priority, attempt, max_attempts, crashes,
      completed, payload, extras, errors, reason)
    select g.id, g.run_at, g.created_at, v_now, v_now + g.retain_s * interval '1 s', g.queue_id, g.task_id, g.priority,
           g.attempt, g.max_attempts, g.crashes, false, g.payload, g.extras, g.errors, g.reason
      from gone g
     where g.retain_s > 0 and v_now + g.retain_s * interval '1 s' >= v_horizon
  )
  select array_agg(gone.id) into v_step from gone;
  v_settled := v_settled || v_step;

  return array(
    select a.id from jsonb_to_recordset(p_others) as a (id int8) except select unnest(v_settled));
end
$$;

-- The attempt's number and time are the database's to say. The first error and the latest 99 are kept: a task with
-- a thousand attempts must not grow a row without bound.
create function kongtask.with_error(p_errors jsonb, p_error jsonb, p_attempt int2, p_at timestamptz) returns jsonb
language sql immutable
return case when jsonb_array_length(p_errors) >= 100 then p_errors - 1 else coalesce(p_errors, '[]') end
       || jsonb_build_array(jsonb_build_object('attempt', p_attempt, 'at', p_at) || p_error);
