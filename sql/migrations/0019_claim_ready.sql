-- A claim for who has just heard that jobs are ready: one statement for what claim_jobs does in three, which takes a quarter
-- less (docs/decisions/007). It leases jobs and says of itself what claim_jobs does and says; but it knows no serial keys,
-- limits, flags and paused tasks, and takes of one queue, or of all as they come. Where any of those would count, or there are
-- jobs and this worker is no longer registered, it has done nothing and answers no row: claim_jobs knows what to do. Each row
-- but the only one of a claim that took nothing holds a job, and all of them what is to be said of the claim.
--
-- Locks and index as those of claim_jobs.
create function kongtask.claim_ready(
  p_worker int4, p_nonce uuid, p_claim int4, p_queue int4, p_total int4, p_tasks int4[],
  p_mark_queues int4[], p_mark_lanes int2[], p_marks_us int8[], p_mark_ids int8[])
returns table (queue_id int4, jobs text, dry bool, now_us int8, xid int8, xmin int8, ends int8[])
language plpgsql
set search_path = pg_catalog, pg_temp
set jit = off
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_gate int4 := 'kongtask.claims'::regclass::oid::int4;
  v_now timestamptz;
begin
  if not (pg_try_advisory_xact_lock(v_gate, 0) or pg_try_advisory_xact_lock(v_gate, 1)) then
    if not kongtask.await_turn(v_gate) then
      return next;
      return;
    end if;
  end if;
  v_now := kongtask.clock();
  now_us := kongtask.microseconds(v_now);
  return query
    with open as materialized (
      select q.id, array_position(p_mark_queues, q.id) as mark,
             q.concurrency is not null or q.rate is not null as is_limited
        from kongtask.queues q
       where q.paused_at is null and (p_queue is null or q.id = p_queue)
    ),
    picked as materialized (
      select lane_job.*
        from open
       cross join generate_series(0, 31) as turn (number)
       cross join lateral (
              select j.id, j.ctid as place, j.serial_key is not null or j.limits is not null or open.is_limited as is_special
                from kongtask.jobs j
               where j.queue_id = open.id and j.lane = kongtask.lane_at(turn.number) and j.run_at <= v_now
                 and (j.run_at, j.id) >= (
                   kongtask.start_at(p_marks_us[kongtask.mark_of(turn.number, open.mark, p_mark_lanes)], now_us),
                   coalesce(p_mark_ids[kongtask.mark_of(turn.number, open.mark, p_mark_lanes)], 0))
                 and j.worker = 0 and j.task_id = any (p_tasks)
               order by j.run_at, j.id
               limit p_total
                 for update skip locked) as lane_job
       limit p_total
    ),
    plain as materialized (
      select
       where not exists (select from picked p where p.is_special)
         and not exists (select from kongtask.tasks t where t.paused_at is not null)
    ),
    held as materialized (
      select
        from kongtask.workers w
       where w.id = p_worker and w.nonce = p_nonce and w.rescued_at is null
         and exists (select from picked) and exists (select from plain)
         for key share skip locked
    ),
    taken as (
      update kongtask.jobs j
         set worker = p_worker, claim = p_claim, attempt = least(j.attempt, 32766) + 1
       where j.ctid = any (array(select p.place from picked p where exists (select from held)))
      returning j.queue_id, j.id, concat_ws(
                  E'\t', j.id, j.task_id, j.attempt, j.max_attempts, j.lane & 15, j.crashes,
                  kongtask.microseconds(j.run_at), kongtask.microseconds(j.created_at), j.retain_s > 0, j.ctid,
                  j.payload, coalesce(j.errors::text, ''), coalesce(j.extras::text, ''),
                  case when j.extras is not null
                       then to_jsonb(kongtask.why_ended(j.task_id, j.id, j.extras)) end) as line
    ),
    ledger as (
      insert into kongtask.claims (worker, claim, queue_id, ids)
      select p_worker, p_claim, t.queue_id, array_agg(t.id) from taken t group by t.queue_id
    )
    select taken.queue_id, taken.line, claim.dry, now_us,
           case when taken.id is not null then pg_current_xact_id()::text::int8 end,
           pg_snapshot_xmin(pg_current_snapshot())::text::int8, case when claim.dry then claim.ends end
      -- What somebody has moved since this statement began was picked, but cannot be seen where it is now: it is still there.
      from (select (select count(*) from picked) < p_total
                   and (select count(*) from picked) = (select count(*) from taken) as dry,
                   array(select unnest(array[open.id, -1, 0, 0]::int8[]) from open) as ends
             where exists (select from plain) and (exists (select from held) or not exists (select from picked))) as claim
      left join taken on true;
end
$$;

select kongtask.renew_access();
