-- Claiming: ready jobs become leased to (worker, claim), and the ledger says which, in one transaction of its own.

-- Locks: the claimed rows, skipping locked ones; KEY SHARE on the worker's own row, so that nobody declares it dead
-- meanwhile. Waits for nothing. Index: jobs_lane, pinned by the settings below, because statistics taken at a bad
-- moment turn the claim into a sort of the whole backlog. What is "off" only costs ten thousand million, which is
-- why jit must be off too: it would compile every such plan, for a tenth of a second.
-- Jobs with a serial key pass `admit`. p_forbidden: jobs with one of these flags are left alone; null for none.
-- p_queues and p_limits: how many of which queue at the most; null p_queues: p_total of any queue, each getting its
-- turn to be first. p_tasks: what this process knows; other jobs are left for those who do.
-- Returns the jobs, and, where it found fewer than were asked for, a last row without id whose run_at is when the
-- next one falls due. ended: why a job must not run, where it was cancelled or superseded while it ran before. Raises KT002
-- where this worker was declared dead.
create function kongtask.claim_jobs(
  p_worker int4, p_nonce uuid, p_claim int4, p_queues int4[], p_limits int4[], p_total int4, p_tasks int4[],
  p_forbidden text[])
returns table (
  id int8, queue_id int4, task_id int4, attempt int2, max_attempts int2, priority int2, crashes int2,
  run_at timestamptz, created_at timestamptz, kept bool, place tid, payload text, extras text, errors text,
  ended text)
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
  v_queues int4[] := p_queues;
  v_tasks int4[] := p_tasks;
  v_paused int4[];
  v_queue int4;
  v_limit int4;
  v_pick int4;
  v_left int4 := p_total;
  v_picked int4;
  v_ids int8[];
  v_places tid[];
  v_taken int8[];
  v_keyed int8[];
  v_keyed_places tid[];
  v_keys text[];
  v_admitted record;
  v_again bool := false;
  v_dry int4[];
  v_next timestamptz;
begin
  perform from kongtask.workers w
    where w.id = p_worker and w.nonce = p_nonce and w.rescued_at is null
    for key share skip locked;
  if not found then
    raise exception 'worker % is no longer registered', p_worker using errcode = 'KT002';
  end if;

  if v_queues is null then
    v_queues := (select array_agg(q.id order by (q.id + p_claim) % (select count(*) from kongtask.queues), q.id)
                   from kongtask.queues q
                  where q.paused_at is null);
  end if;
  -- Read here, so that nothing starts that is claimed after a pause.
  v_paused := array(select t.id from kongtask.tasks t where t.paused_at is not null order by t.id);
  if v_paused <> '{}' then
    v_tasks := array(select known.id from unnest(p_tasks) as known (id) where known.id <> all (v_paused));
  end if;

  for i in 1 .. coalesce(cardinality(v_queues), 0) loop
    exit when v_left <= 0;
    v_queue := v_queues[i];
    continue when p_queues is not null
      and exists (select from kongtask.queues q where q.id = v_queue and q.paused_at is not null);
    -- A thousand is what a row of the ledger holds.
    v_limit := least(v_left, coalesce(p_limits[i], v_left), 1000);

    if exists (select from kongtask.serial_keys s where s.queue_id = v_queue and s.job_id is null) then
      perform kongtask.settle_keys(v_queue);
    end if;

    v_taken := null;
    v_pick := v_limit;
    for v_round in 1 .. 20 loop
      with picked as materialized (
        select lane_job.id, lane_job.place, lane_job.serial_key
          from generate_series(0, 15) as lane (number)
         cross join lateral (
                select j.id, j.ctid as place, j.serial_key
                  from kongtask.jobs j
                 where j.queue_id = v_queue and j.lane = lane.number and j.run_at <= v_now
                   and j.worker = 0 and j.task_id = any (v_tasks)
                   and (p_forbidden is null or j.extras is null or not coalesce(j.extras -> 'flags' ?| p_forbidden, false))
                 order by j.run_at, j.id
                 limit v_pick
                   for update skip locked) as lane_job
         limit v_pick
      )
      select array_agg(picked.id), array_agg(picked.place),
             array_agg(picked.id) filter (where picked.serial_key is not null),
             array_agg(picked.place) filter (where picked.serial_key is not null),
             array_agg(picked.serial_key) filter (where picked.serial_key is not null)
        into v_ids, v_places, v_keyed, v_keyed_places, v_keys
        from picked;
      v_picked := cardinality(v_ids);

      if v_keyed is not null then
        select * into v_admitted from kongtask.admit(v_queue, v_keyed, v_keys, v_keyed_places);
        v_again := v_again or v_admitted.o_again;
        select array_agg(free.id), array_agg(free.place) into v_ids, v_places
          from (select p.id, p.place from unnest(v_ids, v_places) as p (id, place)
                 where p.id <> all (v_keyed) or p.id = any (v_admitted.o_admitted)
                 limit v_limit - coalesce(cardinality(v_taken), 0)) as free;
        -- What has its key now and must stay for another claim is written all the same, as by open_lane.
        update kongtask.jobs j set lane = j.lane
         where j.ctid = any (array(
                 select k.place from unnest(v_keyed, v_keyed_places) as k (id, place)
                  where k.id = any (v_admitted.o_admitted) and k.id <> all (v_ids)));
      end if;

      if v_ids is not null then
        v_taken := v_taken || v_ids;
        return query
          -- By place: the rows are locked, so they cannot move, and looking them up again would cost a third of the claim.
          -- By place alone: with the queue beside it, statistics from when the table was empty make it a walk of the queue.
          update kongtask.jobs j
             set worker = p_worker, claim = p_claim, attempt = least(j.attempt, 32766) + 1
           where j.ctid = any (v_places)
          returning j.id, j.queue_id, j.task_id, j.attempt, j.max_attempts, j.lane, j.crashes,
                    j.run_at, j.created_at, j.retain_s > 0, j.ctid, j.payload::text, j.extras::text, j.errors::text,
                    case when j.extras is not null then kongtask.why_ended(j.task_id, j.id, j.extras) end;
      end if;
      exit when v_keyed is null or v_picked < v_pick or cardinality(v_taken) >= v_limit;
      -- What has to wait for its key took the place of something behind it.
      exit when v_admitted.o_left;
      v_again := v_again or v_round = 20;
      v_pick := least(v_pick * 2, 1000);
    end loop;

    if v_taken is not null then
      insert into kongtask.claims (worker, claim, queue_id, ids) values (p_worker, p_claim, v_queue, v_taken);
      v_left := v_left - cardinality(v_taken);
    end if;
    if v_limit > coalesce(cardinality(v_taken), 0) then
      v_dry := v_dry || v_queue;
    end if;
  end loop;

  -- A queue may well be dry while another filled up the total; then there is no reason to rest.
  if v_left > 0 then
    select min(soonest.run_at) into v_next
      from unnest(v_dry) as dry (queue_id)
     cross join generate_series(0, 15) as lane (number)
     cross join lateral (
            select j.run_at
              from kongtask.jobs j
             where j.queue_id = dry.queue_id and j.lane = lane.number and j.run_at > v_now
             order by j.run_at, j.id
             limit 1) as soonest;
    if v_again then
      v_next := v_now + interval '5 ms';
    end if;
    return query select null::int8, null::int4, null::int4, null::int2, null::int2, null::int2, null::int2,
                        v_next, v_now, null::bool, null::tid, null::text, null::text, null::text, null::text;
  end if;
end
$$;
