-- Limits over all processes: how many jobs may be leased at once, and how many may start in a period; of a task, of a key,
-- of a whole queue.
--
-- A job brings its limits along (jobs.limits), each with the name of a gate that it shares with others of its queue. The
-- claim that meets the job asks its gates. Where one is closed the job is parked: 64 lanes above its own, where no claim
-- looks, under the gate's name. Who ends a lease opens the lane to the next one parked there. Jobs without limits know
-- nothing of this.
--
-- Nothing is counted along, so no count can go wrong: a claim's ledger row names the limited jobs that it took, and their
-- own rows say which of them are still held. A gate is judged by one transaction at a time, under an advisory lock which
-- claims only try, for they wait for nothing.
--
-- What may go wrong is that a gate has room and nobody opens it: the job that was let into its lane is deleted or moved to
-- another time, or a limit is raised. Claims that meet another job of the gate mend it, and a sweep does (lift_gates).

-- Tokens of a rate: it may hold burst of them, gets p_spec.limit each p_spec.per ms, and a start takes one.
create table kongtask.rates (
  queue_id int4 not null,
  gate text not null,
  tokens float8 not null,
  refilled_at timestamptz not null,
  -- When jobs parked here may go on; null where none wait.
  opens_at timestamptz,
  primary key (queue_id, gate)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_threshold = 1000);

create index rates_waiting on kongtask.rates (queue_id, opens_at) where opens_at is not null;

-- The advisory lock of a gate.
create function kongtask.gate_number(p_queue int4, p_gate text) returns int8
language sql stable
return hashtextextended(p_gate, ('kongtask.jobs'::regclass::oid::int8 << 32) + p_queue);

-- Those gates that nobody else is judging now; they are ours until the transaction ends.
create function kongtask.lock_gates(p_queue int4, p_gates text[]) returns text[]
language plpgsql
as $$
begin
  -- Each statement must see what others committed before it got the lock.
  if current_setting('transaction_isolation') not in ('read committed', 'read uncommitted') then
    raise exception 'limits need READ COMMITTED, not %', upper(current_setting('transaction_isolation'))
      using errcode = 'feature_not_supported',
            hint = 'Set default_transaction_isolation to "read committed" for the role of the workers.';
  end if;
  return array(select asked.gate
                 from (select distinct g.gate from unnest(p_gates) as g (gate)) as asked
                where pg_try_advisory_xact_lock(kongtask.gate_number(p_queue, asked.gate)));
end
$$;

-- How many jobs are held behind each gate. Index: claims_limited.
create function kongtask.held_behind(p_queue int4, p_gates text[]) returns table (gate text, held int4)
language plpgsql stable
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
begin
  return query
    select named.gate, count(*)::int4
      from kongtask.claims c
     cross join unnest(c.limited_ids, c.limited_gates) as named (id, gate)
     where c.queue_id = p_queue and c.limited_ids is not null and named.gate = any (p_gates)
       and (select j.worker = c.worker and j.claim = c.claim
              from kongtask.jobs j
             where j.queue_id = p_queue and j.id between named.id and named.id
             order by j.id limit 1)
     group by named.gate;
end
$$;

-- The same for a queue as a whole, whatever its claims said about limits: it may have got one since. Indexes:
-- claims_limited, claims_unlimited.
create function kongtask.held_in(p_queue int4) returns int4
language plpgsql stable
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
begin
  return (
    select count(*)
      from (select l.worker, l.claim, l.ids from kongtask.claims l
             where l.queue_id = p_queue and l.limited_ids is not null
            union all
            select u.worker, u.claim, u.ids from kongtask.claims u
             where u.queue_id = p_queue and u.limited_ids is null) as c
     cross join unnest(c.ids) as named (id)
     where (select j.worker = c.worker and j.claim = c.claim
              from kongtask.jobs j
             where j.queue_id = p_queue and j.id between named.id and named.id
             order by j.id limit 1));
end
$$;

-- Tokens come one by one at low rates, and at high ones at least what comes in 50 ms, or a rate of thousands would need
-- thousands of claims a second.
create function kongtask.most_tokens(p_spec jsonb) returns float8
language sql immutable
return greatest((p_spec ->> 'burst')::float8, 1, floor(50 * (p_spec ->> 'limit')::float8 / (p_spec ->> 'per')::float8));

create function kongtask.tokens_of(p_queue int4, p_gate text, p_spec jsonb, p_now timestamptz) returns float8
language plpgsql stable
as $$
declare
  v_most float8 := kongtask.most_tokens(p_spec);
begin
  return coalesce(
    (select least(v_most, r.tokens + greatest(0, extract(epoch from p_now - r.refilled_at)) * 1000
                          * (p_spec ->> 'limit')::float8 / (p_spec ->> 'per')::float8)
       from kongtask.rates r
      where r.queue_id = p_queue and r.gate = p_gate),
    v_most);
end
$$;

-- When there is a token again; not so soon that waking up for it would be all that anybody does.
create function kongtask.next_token_at(p_spec jsonb, p_tokens float8, p_now timestamptz) returns timestamptz
language sql stable
return p_now + greatest(20, (1 - p_tokens) * (p_spec ->> 'per')::float8 / (p_spec ->> 'limit')::float8) * interval '1 ms';

-- p_waiting: jobs are parked behind the gate, or may be.
create function kongtask.keep_tokens(
  p_queue int4, p_gate text, p_spec jsonb, p_tokens float8, p_now timestamptz, p_waiting bool)
returns void
language sql
begin atomic
  insert into kongtask.rates as r (queue_id, gate, tokens, refilled_at, opens_at)
  values (p_queue, p_gate, p_tokens, p_now,
          case when p_waiting then kongtask.next_token_at(p_spec, p_tokens, p_now) end)
  on conflict (queue_id, gate) do update
     set tokens = excluded.tokens, refilled_at = greatest(r.refilled_at, excluded.refilled_at),
         opens_at = excluded.opens_at;
end;

-- Lets the next ones parked behind a gate into their lanes, skipping locked ones. Returns how many. Index: jobs_parked.
create function kongtask.open_gate(p_queue int4, p_gate text, p_count int4) returns int4
language plpgsql
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
as $$
declare
  v_opened int4;
begin
  if p_count <= 0 then
    return 0;
  end if;
  update kongtask.jobs j
     set lane = case when j.lane & 48 = 0 then (j.lane & 15) + 128 else j.lane & 63 end, waits_for = null
   where j.ctid = any (array(
           select p.ctid from kongtask.jobs p
            where p.queue_id = p_queue and p.waits_for = p_gate
            order by p.lane, p.run_at, p.id
            limit p_count
              for update skip locked));
  get diagnostics v_opened = row_count;
  if v_opened > 0 then
    perform pg_notify('kongtask:ready', p_queue::text);
  end if;
  return v_opened;
end
$$;

-- Jobs with these limits are held no longer, or left their lanes: as many others may come. Called last in a transaction of
-- ours. p_waits: for who is judging a gate just now; without, such a gate is left to the claims and the sweep.
-- Locks: the gates, in order, then parked jobs, skipping locked ones.
create function kongtask.pass_on(p_queue int4, p_limits jsonb[], p_waits bool) returns void
language plpgsql
as $$
declare
  v_gate text;
  v_count int4;
begin
  for v_gate, v_count in
    select one.value ->> 'gate', count(*)
      from unnest(p_limits) as l (all_of)
     cross join jsonb_array_elements(l.all_of) as one
     where not one.value ? 'per'
     group by 1 order by 1
  loop
    if p_waits then
      perform pg_advisory_xact_lock(kongtask.gate_number(p_queue, v_gate));
    else
      continue when not pg_try_advisory_xact_lock(kongtask.gate_number(p_queue, v_gate));
    end if;
    perform kongtask.open_gate(p_queue, v_gate, v_count);
  end loop;
end
$$;

-- A claim met these limited jobs in their lanes; p_places: locked by us. o_admitted: they pass all their gates. The others
-- are parked behind the first that is closed, or, where somebody is judging one of their gates just now, left where they
-- are (o_left). None is judged any more once p_most have passed. o_ids, o_gates: what the ledger has to name; p_gates: what
-- it will name of this claim anyway.
create function kongtask.pass_gates(
  p_queue int4, p_ids int8[], p_places tid[], p_limits jsonb[], p_most int4, p_gates text[], p_now timestamptz,
  out o_admitted int8[], out o_ids int8[], out o_gates text[], out o_left bool, out o_parked int4)
language plpgsql
as $$
declare
  v_gates text[] := kongtask.lock_gates(
    p_queue, array(select one.value ->> 'gate'
                     from unnest(p_limits) as l (all_of) cross join jsonb_array_elements(l.all_of) as one));
  -- By the place of a gate in v_gates.
  v_held int4[];
  v_tokens float8[];
  v_specs jsonb[];
  v_places tid[] := '{}';
  v_closed text[] := '{}';
  v_at int4;
  v_spec jsonb;
  v_stop text;
begin
  o_admitted := '{}';
  o_ids := '{}';
  o_gates := '{}';
  o_left := false;
  v_held := array(
    select coalesce(max(h.held), 0) + (select count(*)::int4 from unnest(p_gates) as ours (gate) where ours.gate = g.gate)
      from unnest(v_gates) with ordinality as g (gate, ord)
      left join kongtask.held_behind(p_queue, v_gates) as h on h.gate = g.gate
     group by g.gate, g.ord
     order by g.ord);
  v_tokens := array_fill(null::float8, array[cardinality(v_gates)]);
  v_specs := array_fill(null::jsonb, array[cardinality(v_gates)]);

  for i in 1 .. cardinality(p_ids) loop
    exit when cardinality(o_admitted) >= p_most;
    v_stop := null;
    for v_spec in select value from jsonb_array_elements(p_limits[i]) loop
      v_at := array_position(v_gates, v_spec ->> 'gate');
      if v_at is null then
        v_stop := '';
      else
        v_specs[v_at] := v_spec;
        if v_spec ? 'per' then
          if v_tokens[v_at] is null then
            v_tokens[v_at] := kongtask.tokens_of(p_queue, v_gates[v_at], v_spec, p_now);
          end if;
          if v_tokens[v_at] < 1 then
            v_stop := v_gates[v_at];
          end if;
        elsif v_held[v_at] >= (v_spec ->> 'limit')::int4 then
          v_stop := v_gates[v_at];
        end if;
      end if;
      exit when v_stop is not null;
    end loop;

    if v_stop = '' then
      o_left := true;
    elsif v_stop is not null then
      v_places := v_places || p_places[i];
      v_closed := v_closed || v_stop;
    else
      o_admitted := o_admitted || p_ids[i];
      for v_spec in select value from jsonb_array_elements(p_limits[i]) loop
        v_at := array_position(v_gates, v_spec ->> 'gate');
        if v_spec ? 'per' then
          v_tokens[v_at] := v_tokens[v_at] - 1;
        else
          v_held[v_at] := v_held[v_at] + 1;
          o_ids := o_ids || p_ids[i];
          o_gates := o_gates || v_gates[v_at];
        end if;
      end loop;
    end if;
  end loop;

  o_parked := cardinality(v_places);
  if o_parked > 0 then
    update kongtask.jobs j
       set lane = (j.lane & 15) + 64, waits_for = parked.gate
      from unnest(v_places, v_closed) as parked (place, gate)
     where j.ctid = parked.place;
  end if;

  for v_at in 1 .. cardinality(v_gates) loop
    v_spec := v_specs[v_at];
    continue when v_spec is null;
    if v_spec ? 'per' then
      if v_tokens[v_at] is not null then
        perform kongtask.keep_tokens(p_queue, v_gates[v_at], v_spec, v_tokens[v_at], p_now, true);
      end if;
    else
      -- Nearly always nobody: those parked here are let in one for one as leases end.
      perform kongtask.open_gate(p_queue, v_gates[v_at], (v_spec ->> 'limit')::int4 - v_held[v_at]);
    end if;
  end loop;
end
$$;

-- Rates that have tokens again: those parked behind them go on. Called by claims, and cheap where there is none.
-- Index: rates_waiting.
create function kongtask.open_rates(p_queue int4, p_now timestamptz) returns void
language plpgsql
as $$
declare
  v_gate text;
  v_spec jsonb;
  v_tokens float8;
begin
  for v_gate in
    select r.gate from kongtask.rates r
     where r.queue_id = p_queue and r.opens_at <= p_now
     order by r.opens_at limit 100
  loop
    continue when not pg_try_advisory_xact_lock(kongtask.gate_number(p_queue, v_gate));
    v_spec := kongtask.spec_of_parked(p_queue, v_gate);
    if v_spec is null then
      update kongtask.rates r set opens_at = null where r.queue_id = p_queue and r.gate = v_gate;
    else
      v_tokens := kongtask.tokens_of(p_queue, v_gate, v_spec, p_now);
      perform kongtask.open_gate(p_queue, v_gate, floor(v_tokens)::int4);
      perform kongtask.keep_tokens(p_queue, v_gate, v_spec, v_tokens, p_now, true);
    end if;
  end loop;
end
$$;

-- What the next job parked behind a gate says about it. Null where none is. Index: jobs_parked.
create function kongtask.spec_of_parked(p_queue int4, p_gate text) returns jsonb
language plpgsql stable
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
as $$
begin
  return (select one.value
            from (select p.limits from kongtask.jobs p
                   where p.queue_id = p_queue and p.waits_for = p_gate
                   order by p.lane, p.run_at, p.id limit 1) as first
           cross join jsonb_array_elements(first.limits) as one
           where one.value ->> 'gate' = p_gate
           limit 1);
end
$$;

-- How many more of a queue its own limits let a claim take now, up to p_limit. o_opens_at: where its rate lets none, when
-- it will. o_again: another claim is judging it, look again in a moment.
create function kongtask.pass_queue(
  p_queue int4, p_concurrency int4, p_rate jsonb, p_limit int4, p_now timestamptz,
  out o_limit int4, out o_opens_at timestamptz, out o_again bool)
language plpgsql
as $$
declare
  v_tokens float8;
begin
  o_limit := 0;
  o_again := kongtask.lock_gates(p_queue, '{queue}') = '{}';
  if o_again then
    return;
  end if;
  o_limit := p_limit;
  if p_concurrency is not null then
    o_limit := greatest(0, least(o_limit, p_concurrency - kongtask.held_in(p_queue)));
  end if;
  if p_rate is not null then
    v_tokens := kongtask.tokens_of(p_queue, 'rate:queue', p_rate, p_now);
    if v_tokens < 1 then
      o_opens_at := kongtask.next_token_at(p_rate, v_tokens, p_now);
    end if;
    o_limit := least(o_limit, floor(v_tokens)::int4);
  end if;
end
$$;

-- A claim took jobs of a queue that has a rate. Returns when more may start.
create function kongtask.take_tokens(p_queue int4, p_rate jsonb, p_taken int4, p_now timestamptz) returns timestamptz
language plpgsql
as $$
declare
  v_tokens float8 := kongtask.tokens_of(p_queue, 'rate:queue', p_rate, p_now) - p_taken;
begin
  perform kongtask.keep_tokens(p_queue, 'rate:queue', p_rate, v_tokens, p_now, false);
  return kongtask.next_token_at(p_rate, v_tokens, p_now);
end
$$;

-- Opens gates that have room and jobs parked behind them: looks at up to p_count gates of one queue behind the one given,
-- and returns the last of them, null at the end, and how many jobs it let go. Any process may call it at any time. Nearly
-- always all is well, so gates are looked at together, and locked one by one where one seems to have room.
create function kongtask.lift_gates(inout p_queue int4, inout p_gate text, p_count int4, out o_opened int4)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
as $$
declare
  v_queue int4 := coalesce(p_queue, -1);
  v_gate text := coalesce(p_gate, '');
  v_gates text[] := '{}';
  v_held jsonb;
  v_spec jsonb;
begin
  o_opened := 0;
  p_queue := null;
  while cardinality(v_gates) < p_count loop
    select j.queue_id, j.waits_for into v_queue, v_gate
      from kongtask.jobs j
     where (j.queue_id, j.waits_for) > (v_queue, v_gate) and j.waits_for is not null
     order by j.queue_id, j.waits_for
     limit 1;
    exit when not found or v_queue <> p_queue;
    p_queue := v_queue;
    v_gates := v_gates || v_gate;
  end loop;
  p_gate := v_gates[cardinality(v_gates)];
  select jsonb_object_agg(h.gate, h.held) into v_held from kongtask.held_behind(p_queue, v_gates) as h;

  foreach v_gate in array v_gates loop
    v_spec := kongtask.spec_of_parked(p_queue, v_gate);
    continue when v_spec is null;
    if not v_spec ? 'per' then
      continue when (v_held ->> v_gate)::int4 >= (v_spec ->> 'limit')::int4
        or kongtask.lock_gates(p_queue, array[v_gate]) = '{}';
      o_opened := o_opened + kongtask.open_gate(
        p_queue, v_gate,
        (v_spec ->> 'limit')::int4
        - coalesce((select h.held from kongtask.held_behind(p_queue, array[v_gate]) as h), 0));
    else
      continue when exists (select from kongtask.rates r
                             where r.queue_id = p_queue and r.gate = v_gate and r.opens_at is not null)
        or kongtask.lock_gates(p_queue, array[v_gate]) = '{}';
      perform kongtask.keep_tokens(
        p_queue, v_gate, v_spec, kongtask.tokens_of(p_queue, v_gate, v_spec, kongtask.clock()), kongtask.clock(), true);
      perform pg_notify('kongtask:ready', p_queue::text);
    end if;
  end loop;
end
$$;

-- Which chores have something to do, so that an idle process asks one question instead of five. Indexes: tasks_paused,
-- tasks_parked, jobs_parked; workers and completions are short.
create function kongtask.find_chores(
  out o_rescue bool, out o_absent bool, out o_sweep bool, out o_park bool, out o_lift bool)
language plpgsql stable
security definer
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
as $$
begin
  o_rescue := exists (select from kongtask.workers w where w.expires_at < clock_timestamp());
  o_absent := exists (select from kongtask.absent_workers());
  o_sweep := exists (
    select from kongtask.completions c
     where not exists (select from kongtask.workers w where w.id = c.worker and w.rescued_at is null));
  o_park := exists (select from kongtask.tasks t where t.paused_at is not null)
    or exists (select from kongtask.tasks t where t.has_parked);
  o_lift := exists (select from kongtask.jobs j where j.waits_for is not null);
end
$$;

select kongtask.renew_access();
