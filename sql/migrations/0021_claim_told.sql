-- A claim for who sleeps, had found nothing more to do, and has since been told of one job only: that job, by its number,
-- which takes a third less than to look for it (docs/decisions/007). It answers no row where more would count than it knows;
-- then claim_ready and claim_jobs know what to do. A row without a job: somebody else has it or is about to.
--
-- Locks as those of claim_jobs, and no other: of many who were told, one gets the job, and none waits. Index: jobs_pkey.
create function kongtask.claim_told(
  p_worker int4, p_nonce uuid, p_claim int4, p_queue int4, p_id int8, p_tasks int4[])
returns table (queue_id int4, jobs text)
language plpgsql
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
as $$
#variable_conflict use_column
declare
  v_place tid;
  v_is_plain bool;
begin
  select j.ctid,
         j.lane < 16 and j.run_at <= kongtask.clock() and j.task_id = any (p_tasks) and j.serial_key is null
         and j.limits is null and q.paused_at is null and q.concurrency is null and q.rate is null
         and not exists (select from kongtask.tasks t where t.id = j.task_id and t.paused_at is not null)
    into v_place, v_is_plain
    from kongtask.jobs j
    join kongtask.queues q on q.id = j.queue_id
   where j.queue_id = p_queue and j.id = p_id and j.worker = 0
     for update of j skip locked;
  if not found then
    return next;
    return;
  end if;
  if not v_is_plain then
    return;
  end if;
  perform from kongtask.workers w
    where w.id = p_worker and w.nonce = p_nonce and w.rescued_at is null
      for key share skip locked;
  if not found then
    return;
  end if;
  update kongtask.jobs j
     set worker = p_worker, claim = p_claim, attempt = least(j.attempt, 32766) + 1
   where j.ctid = v_place
  returning j.queue_id, concat_ws(
              E'\t', j.id, j.task_id, j.attempt, j.max_attempts, j.lane & 15, j.crashes,
              kongtask.microseconds(j.run_at), kongtask.microseconds(j.created_at), j.retain_s > 0, j.ctid,
              j.payload, coalesce(j.errors::text, ''), coalesce(j.extras::text, ''),
              case when j.extras is not null
                   then to_jsonb(kongtask.why_ended(j.task_id, j.id, j.extras)) end)
       into queue_id, jobs;
  insert into kongtask.claims (worker, claim, queue_id, ids) values (p_worker, p_claim, p_queue, array[p_id]);
  return next;
end
$$;

select kongtask.renew_access();
