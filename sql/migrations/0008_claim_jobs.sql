-- Claiming: ready jobs become leased to (worker, claim), and the ledger says which, in one transaction of its own.

-- Since 1970; exact for the next two hundred years. What is no time of ours, such as infinity, is far away. Stable, as
-- date_part is: what is said to be more than its body is not inlined, and costs ten times as much.
create function kongtask.microseconds(p_at timestamptz) returns int8
language sql stable
return greatest(least(date_part('epoch', p_at) * 1e6, 9e15), -9e15)::int8;

create function kongtask.from_microseconds(p_us int8) returns timestamptz
language sql stable
return timestamptz 'epoch' + p_us * interval '1 microsecond';

-- Two claims at a time get most out of the database: of many, each walks past what the others have just locked (STORAGE.md,
-- law 13). Waits for a turn, but not for long: the statement that called has a snapshot, and behind that nothing can be
-- cleaned up, so that all claims wade through what has run. False where there is none; then one comes back later.
create function kongtask.await_turn(p_gate int4) returns bool
language plpgsql
as $$
begin
  for v_rest in 1 .. 2 loop
    perform pg_sleep(v_rest * (0.5 + random()) / 1000);
    if pg_try_advisory_xact_lock(p_gate, 0) or pg_try_advisory_xact_lock(p_gate, 1) then
      return true;
    end if;
  end loop;
  return false;
end
$$;

-- Which of the marks that came with a claim holds for a lane, given by its turn: null for none. Those of a queue stand
-- together from p_first on: one for all of its lanes, which says -1, or one for each. What has come back has none.
create function kongtask.mark_of(p_turn int4, p_first int4, p_mark_lanes int2[]) returns int4
language sql immutable
return case when p_turn % 2 = 1 then p_first + case when p_mark_lanes[p_first] < 0 then 0 else p_turn / 2 end end;

-- A mark holds for the time after it: with the clock put back, one looks from the start.
create function kongtask.start_at(p_mark_us int8, p_now_us int8) returns timestamptz
language sql stable
return case when p_mark_us <= p_now_us then kongtask.from_microseconds(p_mark_us) else '-infinity' end;

-- How far claims have come, for others of many who claim: what one has passed the next need not walk over (claim_jobs). Only
-- added to, and the newest is at the end of its index: behind a held snapshot too it is found at once. Of a crash nothing
-- need be left.
create unlogged table kongtask.claim_marks (
  queue_id int4 not null,
  lane int2 not null,
  run_at timestamptz not null,
  id int8 not null,
  -- Of those who claim these tasks while those are paused.
  tasks int4[] not null,
  paused int4[] not null,
  made_at timestamptz not null
);

create index claim_marks_newest on kongtask.claim_marks (queue_id, run_at, id);

-- Locks: the claimed rows, skipping locked ones; KEY SHARE on the worker's own row, so that nobody declares it dead
-- meanwhile. Waits for nothing. Index: jobs_lane, pinned by the settings below, because statistics taken at a bad
-- moment turn the claim into a sort of the whole backlog. What is "off" only costs ten thousand million, which is
-- why jit must be off too: it would compile every such plan, for a tenth of a second.
-- Jobs with a serial key pass `admit`, then those with limits `pass_gates`. p_forbidden: jobs with one of these flags are
-- left alone; null for none.
-- p_queues and p_limits: how many of which queue at the most; null p_queues: p_total of any queue, each getting its
-- turn to be first. p_tasks: what this process knows; other jobs are left for those who do.
-- Returns the jobs, many in a row, which costs the client half of what a row each does: a line each, what is of the job
-- behind tabs (no JSON has line breaks or tabs, they are escaped in its strings). And a last row without jobs that
-- says of the claim itself: dry, whether there were fewer than were asked for, next_due_in, when to look again, in
-- milliseconds, and what the next marks are made of. A survey (p_is_survey) that comes out dry looks for when the next job
-- falls due; who has heard that needs not hear it again with each claim. Raises KT002 where this worker was declared dead.
-- Without `dry`: it is not this claim's turn. Who has come back for long enough insists (p_insists) and goes all the same.
--
-- Marks. While a transaction holds back vacuum, a lane begins with the dead entries of all jobs that have run, so a process
-- begins to look where it found nothing before: at p_marks_us and p_mark_ids in the lanes of p_mark_queues (mark_of).
-- Nothing that can be claimed may ever lie behind a mark. Hence
-- - a mark is never above the time at which a transaction began (now_us, xid) of which all earlier ones had ended before
--   the claim that it is made of (xmin): who adds jobs to an open lane takes a number first, and then the time of the job;
-- - what comes back with a time of before goes to the lanes above 128, which claims look at from the start;
-- - marks hold for the tasks that were paused when they were made (p_mark_paused), and not before their own time, if the
--   clock goes back;
-- - what was passed because somebody had locked it, and then rolled back, is found by whoever looks without marks, which
--   each process does now and then (worker/low-water-marks.ts).
-- Of many who claim each would walk over all that the others have taken, so those who had to wait for a turn say p_horizon_us,
-- their time of above which no mark may be: they begin where the last of them ended, and say where they end (claim_marks).
create function kongtask.claim_jobs(
  p_worker int4, p_nonce uuid, p_claim int4, p_queues int4[], p_limits int4[], p_total int4, p_tasks int4[],
  p_forbidden text[], p_is_survey bool, p_insists bool, p_mark_queues int4[], p_mark_lanes int2[], p_marks_us int8[], p_mark_ids int8[],
  p_mark_paused int4[], p_horizon_us int8)
returns table (
  queue_id int4, jobs text, dry bool, next_due_in float8, now_us int8, xid int8, xmin int8, paused int4[], ends int8[])
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
  v_gate int4 := 'kongtask.claims'::regclass::oid::int4;
  v_now timestamptz;
  v_tasks int4[] := p_tasks;
  v_asked record;
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
  v_has_gates bool;
  v_sifted record;
  v_gate_ids int8[];
  v_gates text[];
  v_concurrency int4;
  v_rate jsonb;
  v_queue_room record;
  v_room int4;
  v_opens_at timestamptz;
  v_parked int4;
  v_has_parked bool := false;
  v_again bool := false;
  v_dry int4[];
  v_next timestamptz;
  v_mark int4;
  v_shared_turn int4;
  v_shared_at timestamptz;
  v_shared_id int8;
  v_picked_places tid[];
  v_is_clean bool;
  v_end int8[];
begin
  -- Before there is a transaction number, for others wait with their marks for its end.
  if not (pg_try_advisory_xact_lock(v_gate, 0) or pg_try_advisory_xact_lock(v_gate, 1) or p_insists) then
    if not kongtask.await_turn(v_gate) then
      return next;
      return;
    end if;
  end if;
  v_now := kongtask.clock();
  -- In one statement, for each costs a small claim a tenth of its time. What is paused is read here, so that nothing starts
  -- that is claimed after a pause. The limits of 1 keep the questions from being answered for all queues at once.
  select exists (select from kongtask.workers w
                  where w.id = p_worker and w.nonce = p_nonce and w.rescued_at is null) as lives,
         array(select t.id from kongtask.tasks t where t.paused_at is not null order by t.id) as paused,
         array_agg(q.id) as queues, array_agg(q.most) as limits, array_agg(q.is_limited) as are_limited,
         array_agg(q.news) as news
    into v_asked
    from (select q.id, p_limits[array_position(p_queues, q.id)] as most,
                 q.concurrency is not null or q.rate is not null as is_limited,
                 coalesce((select 1 from kongtask.serial_keys s where s.queue_id = q.id and s.job_id is null limit 1), 0)
                 + coalesce((select 2 from kongtask.rates r where r.queue_id = q.id and r.opens_at <= v_now limit 1), 0)
                   as news
            from kongtask.queues q
           where q.paused_at is null and (p_queues is null or q.id = any (p_queues))
           order by coalesce(array_position(p_queues, q.id), (q.id + p_claim) % (select count(*) from kongtask.queues)),
                    q.id) as q;
  if not v_asked.lives then
    raise exception 'worker % is no longer registered', p_worker using errcode = 'KT002';
  end if;
  now_us := kongtask.microseconds(v_now);
  if v_asked.paused <> '{}' then
    v_tasks := array(select known.id from unnest(p_tasks) as known (id) where known.id <> all (v_asked.paused));
  end if;

  for i in 1 .. coalesce(cardinality(v_asked.queues), 0) loop
    exit when v_left <= 0;
    v_queue := v_asked.queues[i];
    -- A thousand is what a row of the ledger holds.
    v_limit := least(v_left, coalesce(v_asked.limits[i], v_left), 1000);

    v_rate := null;
    if v_asked.are_limited[i] then
      select q.concurrency, q.rate into v_concurrency, v_rate from kongtask.queues q where q.id = v_queue;
      select * into v_queue_room from kongtask.pass_queue(v_queue, v_concurrency, v_rate, v_limit, v_now);
      v_again := v_again or v_queue_room.o_again;
      v_opens_at := least(v_opens_at, v_queue_room.o_opens_at);
      v_limit := v_queue_room.o_limit;
      continue when v_limit = 0;
    end if;
    -- 1: a key that nobody has; 2: a rate that lets something through again. One number, for each question costs.
    if v_asked.news[i] > 0 then
      if v_asked.news[i] & 1 > 0 then
        perform kongtask.settle_keys(v_queue);
      end if;
      if v_asked.news[i] & 2 > 0 then
        perform kongtask.open_rates(v_queue, v_now);
      end if;
    end if;

    v_mark := case when p_mark_paused = v_asked.paused then array_position(p_mark_queues, v_queue) end;
    v_shared_turn := null;
    if p_horizon_us is not null then
      select kongtask.turn_of(m.lane), m.run_at, m.id into v_shared_turn, v_shared_at, v_shared_id
        from kongtask.claim_marks m
       where m.queue_id = v_queue and m.run_at <= v_now and m.tasks = p_tasks and m.paused = v_asked.paused
       order by m.run_at desc, m.id desc
       limit 1;
    end if;
    v_is_clean := true;
    v_has_gates := false;
    v_taken := null;
    v_gate_ids := null;
    v_gates := null;
    v_parked := 0;
    v_pick := v_limit;
    for v_round in 1 .. 20 loop
      with picked as materialized (
        select lane_job.id, lane_job.place, lane_job.serial_key, lane_job.limits
          from generate_series(0, 31) as turn (number)
         cross join lateral (
                select j.id, j.ctid as place, j.serial_key, j.limits
                  from kongtask.jobs j
                 where j.queue_id = v_queue and j.lane = kongtask.lane_at(turn.number) and j.run_at <= v_now
                   and (j.run_at, j.id) >= (
                     case when turn.number = v_shared_turn then v_shared_at
                          else kongtask.start_at(p_marks_us[kongtask.mark_of(turn.number, v_mark, p_mark_lanes)], now_us) end,
                     case when turn.number = v_shared_turn then v_shared_id
                          else coalesce(p_mark_ids[kongtask.mark_of(turn.number, v_mark, p_mark_lanes)], 0) end)
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
      v_picked_places := v_places;
      v_end := case
        when v_picked = v_pick then (
          select array[v_queue, j.lane, kongtask.microseconds(j.run_at), j.id]
            from kongtask.jobs j where j.ctid = v_places[v_picked])
        else array[v_queue, -1, 0, 0] end;
      v_room := v_limit - coalesce(cardinality(v_taken), 0);
      if v_are_keyed or v_are_limited then
        select * into v_sifted
          from kongtask.sift_picked(v_queue, v_ids, v_places, v_are_keyed, v_are_limited, v_room, v_gates, v_now);
        v_ids := v_sifted.o_ids;
        v_places := v_sifted.o_places;
        v_gate_ids := v_gate_ids || v_sifted.o_gate_ids;
        v_gates := v_gates || v_sifted.o_gates;
        v_parked := v_parked + v_sifted.o_parked;
        v_has_parked := v_has_parked or v_parked > 0;
        v_again := v_again or v_sifted.o_again;
      elsif cardinality(v_ids) > v_room then
        v_is_clean := false;
        v_ids := v_ids[1 : v_room];
        v_places := v_places[1 : v_room];
      end if;

      if v_ids is not null then
        v_taken := v_taken || v_ids;
        v_has_gates := v_has_gates or v_are_keyed or v_are_limited;
        return query
          -- Only with jobs, for a claim that finds nothing writes nothing, and its commit waits for no disk.
          with held as materialized (
            select from kongtask.workers w
             where w.id = p_worker and w.nonce = p_nonce and w.rescued_at is null
               for key share skip locked
          ),
          -- By place: the rows are locked, so they cannot move, and looking them up again would cost a third of the claim.
          -- By place alone: with the queue beside it, statistics from when the table was empty make it a walk of the queue.
          taken as (
            update kongtask.jobs j
               set worker = p_worker, claim = p_claim, attempt = least(j.attempt, 32766) + 1
             where j.ctid = any (v_places) and exists (select from held)
            returning j.id, concat_ws(
                        E'\t', j.id, j.task_id, j.attempt, j.max_attempts, j.lane & 15, j.crashes,
                        kongtask.microseconds(j.run_at), kongtask.microseconds(j.created_at), j.retain_s > 0, j.ctid,
                        j.payload, coalesce(j.errors::text, ''), coalesce(j.extras::text, ''),
                        case when j.extras is not null
                             then to_jsonb(kongtask.why_ended(j.task_id, j.id, j.extras)) end) as line
          ),
          ledger as (
            insert into kongtask.claims (worker, claim, queue_id, ids)
            select p_worker, p_claim, v_queue, v_ids from held where not v_has_gates
          )
          select v_queue, string_agg(t.line, E'\n'), null::bool, null::float8, null::int8, null::int8, null::int8,
                 null::int4[], null::int8[]
            from taken t
           -- Large ones stay alone: PostgreSQL has no text above a gigabyte.
           group by case when octet_length(t.line) > 4000 then t.id else 0 end;
        if not found then
          raise exception 'worker % is no longer registered', p_worker using errcode = 'KT002';
        end if;
      end if;
      exit when not (v_are_keyed or v_are_limited);
      -- What was left where it lay is still to be found there.
      v_is_clean := v_is_clean and not exists (
        select from kongtask.jobs j
         where j.ctid = any (v_picked_places) and j.worker = 0 and j.lane & 112 = 0);
      exit when v_picked < v_pick or cardinality(v_taken) >= v_limit;
      -- What has to wait for its key or a gate took the place of something behind it.
      v_again := v_again or v_round = 20 or v_parked >= 1000;
      exit when v_sifted.o_left or v_parked >= 1000;
      v_pick := least(v_pick * 2, 1000);
    end loop;

    if v_taken is not null then
      if v_has_gates then
        insert into kongtask.claims (worker, claim, queue_id, ids, limited_ids, limited_gates)
        values (p_worker, p_claim, v_queue, v_taken, v_gate_ids, v_gates);
      end if;
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
    if v_is_clean then
      ends := ends || v_end;
      if p_horizon_us is not null and v_taken is not null and v_end[2] between 0 and 15 then
        insert into kongtask.claim_marks (queue_id, lane, run_at, id, tasks, paused, made_at)
        values (v_queue, v_end[2], kongtask.from_microseconds(least(v_end[3], p_horizon_us)),
                case when v_end[3] < p_horizon_us then v_end[4] else 0 end, p_tasks, v_asked.paused, v_now);
      end if;
    end if;
  end loop;

  if p_horizon_us is not null and p_claim % 1000 = 0 then
    delete from kongtask.claim_marks m
     where m.ctid = any (array(
             select old.ctid from kongtask.claim_marks old
              where old.made_at < v_now - interval '10 s'
                for update skip locked));
  end if;

  -- A queue may well be dry while another filled up the total; then there is no reason to rest.
  if v_left > 0 then
    v_next := case
      when v_again then v_now + interval '5 ms'
      when p_is_survey or v_has_parked then least(kongtask.next_due_at(v_dry, v_now), v_opens_at)
      else v_opens_at end;
  end if;
  dry := v_left > 0;
  next_due_in := date_part('epoch', v_next - v_now) * 1e3;
  -- A number of its own makes a transaction that wrote nothing write a commit.
  xid := case when p_is_survey or v_left < p_total then pg_current_xact_id()::text::int8 end;
  xmin := pg_snapshot_xmin(pg_current_snapshot())::text::int8;
  paused := v_asked.paused;
  return next;
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
    -- By place alone: to say beside it that there is a key invites a walk of jobs_serial.
    with met as materialized (
      select j.id, p.place, j.serial_key
        from unnest(p_places) as p (place)
        join kongtask.jobs j on j.ctid = p.place
    )
    select array_agg(met.id), array_agg(met.place), array_agg(met.serial_key) into v_keyed, v_keyed_places, v_keys
      from met
     where met.serial_key is not null;
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
    update kongtask.jobs j set lane = (j.lane & 15) + 128
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
      cross join generate_series(0, 31) as turn (number)
      cross join lateral (
             select j.run_at
               from kongtask.jobs j
              where j.queue_id = dry.queue_id and j.lane = kongtask.lane_at(turn.number) and j.run_at > p_now
              order by j.run_at, j.id
              limit 1) as soonest),
    (select min(soonest.opens_at)
       from unnest(p_queues) as dry (queue_id)
      cross join lateral (
             select r.opens_at
               from kongtask.rates r
              where r.queue_id = dry.queue_id and r.opens_at is not null
              order by r.opens_at
              limit 1) as soonest));
end
$$;
