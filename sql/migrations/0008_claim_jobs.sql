-- Claiming: ready jobs become leased to (worker, claim), and the ledger says which, in one transaction of its own.

-- Locks: the claimed rows, skipping locked ones; KEY SHARE on the worker's own row, so that nobody declares it dead
-- meanwhile. Waits for nothing. Index: jobs_lane, pinned by the settings below, because statistics taken at a bad
-- moment turn the claim into a sort of the whole backlog. What is "off" only costs ten thousand million, which is
-- why jit must be off too: it would compile every such plan, for a tenth of a second.
-- Jobs with a serial key pass `admit`, then those with limits `pass_gates`. p_forbidden: jobs with one of these flags are left alone; null for none.
-- p_queues and p_limits: how many of which queue at the most; null p_queues: p_total of any queue, each getting its
-- turn to be first. p_tasks: what this process knows; other jobs are left for those who do.
-- Returns the jobs, many in a row (packed_jobs), which costs the client half of what a row each does; and, where it found
-- fewer than were asked for, a last row without jobs whose next_due_in is when the next one falls due, in milliseconds.
-- Raises KT002 where this worker was declared dead.
create function kongtask.claim_jobs(
  p_worker int4, p_nonce uuid, p_claim int4, p_queues int4[], p_limits int4[], p_total int4, p_tasks int4[],
  p_forbidden text[])
returns table (
  queue_id int4, ids int8[], task_ids int4[], attempts int2[], max_attempts int2[], priorities int2[], crashes int2[],
  run_at_us int8[], created_at_us int8[], kept bool[], places tid[], payloads text, extras text, errors text, ended text,
  next_due_in float8)
language plpgsql
set jit = off
-- The settings below leave one plan; to think it over with each call's values is a third of a small call's time.
set plan_cache_mode = force_generic_plan
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
  v_are_keyed bool;
  v_are_limited bool;
  v_sifted record;
  v_gate_ids int8[];
  v_gates text[];
  v_concurrency int4;
  v_rate jsonb;
  v_queue_room record;
  v_room int4;
  v_opens_at timestamptz;
  v_parked int4;
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
    select q.concurrency, q.rate into v_concurrency, v_rate
      from kongtask.queues q where q.id = v_queue and q.paused_at is null;
    continue when not found;
    -- A thousand is what a row of the ledger holds.
    v_limit := least(v_left, coalesce(p_limits[i], v_left), 1000);

    if v_concurrency is not null or v_rate is not null then
      select * into v_queue_room from kongtask.pass_queue(v_queue, v_concurrency, v_rate, v_limit, v_now);
      v_again := v_again or v_queue_room.o_again;
      v_opens_at := least(v_opens_at, v_queue_room.o_opens_at);
      v_limit := v_queue_room.o_limit;
      continue when v_limit = 0;
    end if;
    if exists (select from kongtask.serial_keys s where s.queue_id = v_queue and s.job_id is null) then
      perform kongtask.settle_keys(v_queue);
    end if;
    if exists (select from kongtask.rates r where r.queue_id = v_queue and r.opens_at <= v_now) then
      perform kongtask.open_rates(v_queue, v_now);
    end if;

    v_taken := null;
    v_gate_ids := null;
    v_gates := null;
    v_parked := 0;
    v_pick := v_limit;
    for v_round in 1 .. 20 loop
      with picked as materialized (
        select lane_job.id, lane_job.place, lane_job.serial_key, lane_job.limits
          from generate_series(0, 15) as lane (number)
         cross join lateral (
                select j.id, j.ctid as place, j.serial_key, j.limits
                  from kongtask.jobs j
                 where j.queue_id = v_queue and j.lane = lane.number and j.run_at <= v_now
                   and j.worker = 0 and j.task_id = any (v_tasks)
                   and (p_forbidden is null or j.extras is null or not coalesce(j.extras -> 'flags' ?| p_forbidden, false))
                 order by j.run_at, j.id
                 limit v_pick
                   for update skip locked) as lane_job
         limit v_pick
      )
      select array_agg(picked.id), array_agg(picked.place), count(picked.serial_key) > 0, count(picked.limits) > 0
        into v_ids, v_places, v_are_keyed, v_are_limited
        from picked;
      v_picked := cardinality(v_ids);
      v_room := v_limit - coalesce(cardinality(v_taken), 0);
      if v_are_keyed or v_are_limited then
        select * into v_sifted
          from kongtask.sift_picked(v_queue, v_ids, v_places, v_are_keyed, v_are_limited, v_room, v_gates, v_now);
        v_ids := v_sifted.o_ids;
        v_places := v_sifted.o_places;
        v_gate_ids := v_gate_ids || v_sifted.o_gate_ids;
        v_gates := v_gates || v_sifted.o_gates;
        v_parked := v_parked + v_sifted.o_parked;
        v_again := v_again or v_sifted.o_again;
      elsif cardinality(v_ids) > v_room then
        v_ids := v_ids[1 : v_room];
        v_places := v_places[1 : v_room];
      end if;

      if v_ids is not null then
        v_taken := v_taken || v_ids;
        return query
          -- By place: the rows are locked, so they cannot move, and looking them up again would cost a third of the claim.
          -- By place alone: with the queue beside it, statistics from when the table was empty make it a walk of the queue.
          with taken as (
            update kongtask.jobs j
               set worker = p_worker, claim = p_claim, attempt = least(j.attempt, 32766) + 1
             where j.ctid = any (v_places)
            returning j.id, j.task_id, j.attempt, j.max_attempts, j.lane, j.crashes, j.run_at, j.created_at,
                      j.retain_s > 0 as kept, j.ctid as place, j.payload::text as payload, j.extras::text as extras,
                      j.errors::text as errors,
                      case when j.extras is not null then kongtask.why_ended(j.task_id, j.id, j.extras) end as ended
          )
          -- A line a job; of what few jobs have, a line for each that has it, behind its id. No JSON has a line break
          -- outside of strings, where it is escaped. Large ones stay alone: PostgreSQL has no text above a gigabyte.
          select v_queue, array_agg(t.id), array_agg(t.task_id), array_agg(t.attempt), array_agg(t.max_attempts),
                 array_agg(t.lane), array_agg(t.crashes),
                 array_agg((date_part('epoch', t.run_at) * 1e6)::int8),
                 array_agg((date_part('epoch', t.created_at) * 1e6)::int8),
                 array_agg(t.kept), array_agg(t.place), string_agg(t.payload, E'\n'),
                 string_agg(t.id || ' ' || t.extras, E'\n'), string_agg(t.id || ' ' || t.errors, E'\n'),
                 string_agg(t.id || ' ' || to_jsonb(t.ended), E'\n'), null::float8
            from taken t
           group by case when octet_length(t.payload) + coalesce(octet_length(t.extras), 0)
                              + coalesce(octet_length(t.errors), 0) > 4000 then t.id else 0 end;
      end if;
      exit when not (v_are_keyed or v_are_limited) or v_picked < v_pick or cardinality(v_taken) >= v_limit;
      -- What has to wait for its key or a gate took the place of something behind it.
      v_again := v_again or v_round = 20 or v_parked >= 1000;
      exit when v_sifted.o_left or v_parked >= 1000;
      v_pick := least(v_pick * 2, 1000);
    end loop;

    if v_taken is not null then
      insert into kongtask.claims (worker, claim, queue_id, ids, limited_ids, limited_gates)
      values (p_worker, p_claim, v_queue, v_taken, v_gate_ids, v_gates);
      v_left := v_left - cardinality(v_taken);
      if v_rate is not null then
        v_queue_room.o_opens_at := kongtask.take_tokens(v_queue, v_rate, cardinality(v_taken), v_now);
        if cardinality(v_taken) = v_limit then
          v_opens_at := least(v_opens_at, v_queue_room.o_opens_at);
        end if;
      end if;
    end if;
    if v_limit > coalesce(cardinality(v_taken), 0) then
      v_dry := v_dry || v_queue;
    end if;
  end loop;

  -- A queue may well be dry while another filled up the total; then there is no reason to rest.
  if v_left > 0 then
    v_next := least(kongtask.next_due_at(v_dry, v_now), v_opens_at);
    if v_again then
      v_next := v_now + interval '5 ms';
    end if;
    queue_id := null;
    ids := null;
    next_due_in := date_part('epoch', v_next - v_now) * 1e3;
    return next;
  end if;
end
$$;

-- Of what a claim picked in a queue, in its order, those that may run now, up to p_room: they pass their serial keys, then
-- the gates of their limits. p_are_keyed, p_are_limited: some have the one or the other. The rows are locked by us, and lie
-- where they lay unless they had to go and wait. p_gates: those that the ledger will name of this claim anyway; o_gate_ids,
-- o_gates: what it has to name besides. o_left: some were left in their lanes; o_again: it is worth looking again in a moment.
create function kongtask.sift_picked(
  p_queue int4, p_ids int8[], p_places tid[], p_are_keyed bool, p_are_limited bool, p_room int4, p_gates text[],
  p_now timestamptz,
  out o_ids int8[], out o_places tid[], out o_gate_ids int8[], out o_gates text[], out o_parked int4, out o_left bool,
  out o_again bool)
language plpgsql
as $$
declare
  v_keyed int8[];
  v_keyed_places tid[];
  v_keys text[];
  v_admitted record;
  v_limited int8[];
  v_limited_places tid[];
  v_limits jsonb[];
  v_passed record;
begin
  o_ids := p_ids;
  o_places := p_places;
  o_parked := 0;
  o_left := false;
  o_again := false;
  if p_are_keyed then
    select array_agg(j.id), array_agg(p.place), array_agg(j.serial_key) into v_keyed, v_keyed_places, v_keys
      from unnest(p_places) as p (place)
      join kongtask.jobs j on j.ctid = p.place
     where j.serial_key is not null;
    select * into v_admitted from kongtask.admit(p_queue, v_keyed, v_keys, v_keyed_places);
    o_left := v_admitted.o_left;
    o_again := v_admitted.o_again;
    select array_agg(free.id), array_agg(free.place) into o_ids, o_places
      from unnest(o_ids, o_places) as free (id, place)
     where free.id <> all (v_keyed) or free.id = any (v_admitted.o_admitted);
  end if;

  if p_are_limited then
    select array_agg(p.id order by p.ord), array_agg(p.place order by p.ord), array_agg(j.limits order by p.ord)
      into v_limited, v_limited_places, v_limits
      from unnest(o_ids, o_places) with ordinality as p (id, place, ord)
      join kongtask.jobs j on j.ctid = p.place
     where j.limits is not null;
  end if;
  if v_limited is not null then
    select * into v_passed
      from kongtask.pass_gates(p_queue, v_limited, v_limited_places, v_limits, p_room, p_gates, p_now);
    o_gate_ids := v_passed.o_ids;
    o_gates := v_passed.o_gates;
    o_parked := v_passed.o_parked;
    o_left := o_left or v_passed.o_left;
    -- Those that passed have taken their tokens, so they go first.
    select array_agg(free.id order by free.turn, free.ord), array_agg(free.place order by free.turn, free.ord)
      into o_ids, o_places
      from (select p.id, p.place, p.ord, p.id <> all (v_passed.o_admitted) as turn
              from unnest(o_ids, o_places) with ordinality as p (id, place, ord)
             where p.id <> all (v_limited) or p.id = any (v_passed.o_admitted)) as free;
  end if;

  o_again := o_again or o_left;
  o_ids := o_ids[1 : p_room];
  o_places := o_places[1 : p_room];
  if p_are_keyed then
    -- What has its key now and must stay for another claim is written all the same, as by open_lane.
    update kongtask.jobs j set lane = j.lane
     where j.ctid = any (array(
             select k.place from unnest(v_keyed, v_keyed_places) as k (id, place)
              where k.id = any (v_admitted.o_admitted) and (o_ids is null or k.id <> all (o_ids))));
  end if;
end
$$;

-- When there is something to claim in these queues again, as far as one can know: the next job falls due, or a rate lets
-- parked ones go on. Indexes: jobs_lane, rates_waiting.
create function kongtask.next_due_at(p_queues int4[], p_now timestamptz) returns timestamptz
language plpgsql stable
as $$
begin
  return least(
    (select min(soonest.run_at)
       from unnest(p_queues) as dry (queue_id)
      cross join generate_series(0, 15) as lane (number)
      cross join lateral (
             select j.run_at
               from kongtask.jobs j
              where j.queue_id = dry.queue_id and j.lane = lane.number and j.run_at > p_now
              order by j.run_at, j.id
              limit 1) as soonest),
    (select min(r.opens_at) from kongtask.rates r where r.queue_id = any (p_queues) and r.opens_at is not null));
end
$$;
