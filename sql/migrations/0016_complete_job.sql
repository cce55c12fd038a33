-- complete(tx): a job completes in a transaction of its handler's, if and only if that commits. The transaction holds the
-- job's row and nothing else that others wait for: what else a completion does (its serial key and its room under limits go to others,
-- its ledger row ends) is done behind the commit, by the process that has the job, or by the sweep where that process died.

-- What was completed so and still has to be followed up. A row is there if and only if the handler's transaction committed,
-- which is also how its process learns of it.
create table kongtask.completions (
  worker int4 not null,
  claim int4 not null,
  job_id int8 not null,
  queue_id int4 not null,
  serial_key text,
  limits jsonb,
  primary key (worker, claim, job_id)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_threshold = 1000);

-- Where a job lies that is still held under this lease, locked until the transaction ends: nobody can take it away from us
-- meanwhile, for rescue skips locked rows. Raises where the lease does not hold, so that a transaction of the handler's
-- cannot commit, whatever its code makes of the error.
-- p_idle_ms: how long the transaction may idle from now on, null for no change. A process that hangs with it open would
-- keep the job from being rescued for as long as its connection lasts.
create function kongtask.hold_lease(
  p_worker int4, p_claim int4, p_queue int4, p_id int8, p_place tid, p_idle_ms int4)
returns tid
language plpgsql
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
as $$
declare
  v_place tid := p_place;
  v_idle_ms float8;
begin
  loop
    perform from kongtask.jobs j
      where j.ctid = v_place and j.id = p_id and j.worker = p_worker and j.claim = p_claim
        for update;
    exit when found;
    -- It has moved, or is no longer ours.
    select j.ctid into v_place
      from kongtask.jobs j
     where j.ctid = any (kongtask.places_of(p_queue, array[p_id])) and j.worker = p_worker and j.claim = p_claim;
    if not found then
      if exists (select from kongtask.completions c
                  where c.worker = p_worker and c.claim = p_claim and c.job_id = p_id) then
        perform kongtask.refuse('KT_ALREADY_COMPLETED', format('job %s was completed already in this execution.', p_id));
      end if;
      perform kongtask.refuse('KT_LEASE_LOST', format(
        'job %s is no longer ours: its lease ended, or its handler did. This transaction cannot commit.', p_id));
    end if;
  end loop;
  if p_idle_ms is not null then
    v_idle_ms := extract(epoch from current_setting('idle_in_transaction_session_timeout')::interval) * 1000;
    if v_idle_ms = 0 or v_idle_ms > p_idle_ms then
      perform set_config('idle_in_transaction_session_timeout', p_idle_ms::text, true);
    end if;
  end if;
  return v_place;
end
$$;

-- Called on the handler's transaction. Locks: the job's row.
create function kongtask.complete_job(
  p_worker int4, p_claim int4, p_queue int4, p_id int8, p_place tid, p_result jsonb, p_idle_ms int4)
returns bool
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_place tid := kongtask.hold_lease(p_worker, p_claim, p_queue, p_id, p_place, p_idle_ms);
  v_job kongtask.jobs;
begin
  delete from kongtask.jobs j where j.ctid = v_place returning * into v_job;
  insert into kongtask.completions (worker, claim, job_id, queue_id, serial_key, limits)
  values (p_worker, p_claim, p_id, p_queue, v_job.serial_key, v_job.limits);
  perform kongtask.keep_ended(array[v_job], true, array[p_result], null, null);
  return true;
end
$$;

-- The handlers of these jobs have ended, and had transactions in which they may have completed. p_ids ascending, p_claims
-- at the same places. state: completed, it committed, and the serial key is given on; open, it did not, and the job is
-- still ours to settle; pending, it has not ended yet, ask again; lost, neither.
-- Locks: rows of completions, then of serial_keys; skips jobs that are locked.
create function kongtask.conclude_jobs(p_worker int4, p_queue int4, p_ids int8[], p_claims int4[])
returns table (id int8, state text)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
as $$
declare
  v_id int8;
  v_claim int4;
  v_left kongtask.left_job;
  v_inheritance kongtask.left_job[];
begin
  for v_id, v_claim in select asked.id, asked.claim from unnest(p_ids, p_claims) as asked (id, claim) order by 1 loop
    id := v_id;
    state := null;
    -- Twice: it may commit between the two looks, but not back again.
    for look in 1 .. 2 loop
      delete from kongtask.completions c
       where c.worker = p_worker and c.claim = v_claim and c.job_id = v_id
      returning c.job_id, c.serial_key, c.limits into v_left;
      if found then
        state := 'completed';
        v_inheritance := v_inheritance || v_left;
        exit;
      end if;
      perform from kongtask.jobs j
        where j.ctid = any (kongtask.places_of(p_queue, array[v_id])) and j.worker = p_worker and j.claim = v_claim;
      if found then
        perform from kongtask.jobs j
          where j.ctid = any (kongtask.places_of(p_queue, array[v_id])) and j.worker = p_worker and j.claim = v_claim
            for update skip locked;
        state := case when found then 'open' else 'pending' end;
        exit;
      end if;
    end loop;
    state := coalesce(state, 'lost');
    return next;
  end loop;
  perform kongtask.let_go(p_queue, v_inheritance);
end
$$;

-- Follows up what processes completed that are dead, or were declared so. Any process may call it. Returns how many.
create function kongtask.sweep_completions() returns int4
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_queue int4;
  v_inheritance kongtask.left_job[];
  v_swept int4 := 0;
  v_count int4;
begin
  for v_queue, v_inheritance, v_count in
    with orphan as materialized (
      select c.worker, c.claim, c.job_id
        from kongtask.completions c
       where not exists (select from kongtask.workers w where w.id = c.worker and w.rescued_at is null)
       order by c.worker, c.claim, c.job_id
         for update skip locked
    ),
    gone as (
      delete from kongtask.completions c
       using orphan o
       where c.worker = o.worker and c.claim = o.claim and c.job_id = o.job_id
      returning c.queue_id, c.serial_key, c.limits, c.job_id
    )
    select g.queue_id, array_agg((g.job_id, g.serial_key, g.limits)::kongtask.left_job), count(*)
      from gone g
     group by g.queue_id
     order by g.queue_id
  loop
    v_swept := v_swept + v_count;
    perform kongtask.let_go(v_queue, v_inheritance);
  end loop;
  return v_swept;
end
$$;

select kongtask.renew_access();
