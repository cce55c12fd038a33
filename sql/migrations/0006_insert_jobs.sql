-- Adding. Everything that adds jobs comes through insert_jobs: the client, the SQL functions, a job's context.

-- Names become numbers. A name is written once in the life of the database; afterwards this is a look-up.
create function kongtask.intern(p_tasks text[], p_queues text[]) returns void
language plpgsql
as $$
begin
  -- Sorted, so that two adders of the same new names wait for each other instead of deadlocking.
  insert into kongtask.tasks (name)
  select distinct n from unnest(p_tasks) n
  where not exists (select from kongtask.tasks t where t.name = n)
  order by n
  on conflict do nothing;

  insert into kongtask.queues (name)
  select distinct n from unnest(p_queues) n
  where not exists (select from kongtask.queues q where q.name = n)
  order by n
  on conflict do nothing;
end
$$;

-- One kind, { task, options?, contract?, parent?, encryptionKey?, schedule? }, checked, merged and with its names as numbers.
create function kongtask.kind_from(p_spec jsonb) returns kongtask.kind
language plpgsql
as $$
declare
  v_kind kongtask.kind;
  v_task text := kongtask.checked_name(p_spec -> 'task', 'task');
  v_id int4;
  v_defaults jsonb;
begin
  loop
    select t.id, t.defaults into v_id, v_defaults from kongtask.tasks t where t.name = v_task;
    exit when found;
    perform kongtask.intern(array[v_task], '{}');
  end loop;
  v_kind := kongtask.kind_of(
    v_id, case when p_spec -> 'contract' = 'true' then '{}' else v_defaults end, coalesce(p_spec -> 'options', '{}'));
  loop
    select q.id into v_id from kongtask.queues q where q.name = v_kind.queue;
    exit when found;
    perform kongtask.intern('{}', array[v_kind.queue]);
  end loop;
  v_kind.queue_id := v_id;
  if p_spec ?| '{parent,encryptionKey,schedule}' then
    v_kind.extras := coalesce(v_kind.extras, '{}') || jsonb_strip_nulls(jsonb_build_object(
      'parentId', p_spec -> 'parent' ->> 'id', 'rootId', p_spec -> 'parent' ->> 'root',
      'encryptionKey', p_spec ->> 'encryptionKey', 'schedule', p_spec -> 'schedule'));
    if p_spec ? 'encryptionKey'
      and coalesce(v_kind.extras #> '{concurrency,by}', v_kind.extras #> '{rateLimit,by}') is not null then
      perform kongtask.refuse('KT_OPTION_INVALID', format(
        'The task "%s" has a limit `by` its payload, which is encrypted. Add the job with the contract, or give a limit with `key`.', v_task));
    end if;
  end if;
  return v_kind;
end
$$;

-- p_kinds: an array of { task, options?, contract?, parent?, encryptionKey?, schedule? }; contract: the options hold the
-- task's defaults already, and what was published about it does not count; parent: { id, root }, of the job whose handler
-- adds these; encryptionKey: the payloads are sealed with it, and where their key is derived it is in their `same`;
-- schedule: { name, tick, isCaughtUp }, of what fired it. p_kind: for each payload the number of its kind, from 1; null: all
-- are of the first. p_payloads: an array. Returns a row per payload, in order; ids ascend in that order.
create function kongtask.insert_jobs(p_kinds jsonb, p_kind int4[], p_payloads jsonb)
returns table (ordinal int8, id text, status text)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_kinds kongtask.kind[];
  k kongtask.kind;
  v_now timestamptz;
  v_horizon timestamptz;
  v_told text;
  -- Of what is the first that its transaction writes, and one job, workers are told which it is (claim_told). Of the others not:
  -- what a transaction says over and over again, PostgreSQL passes on once.
  v_is_first bool := pg_current_xact_id_if_assigned() is null;
begin
  -- With the transaction's number taken first, a job's position (its due time) is never older than its transaction.
  v_now := case when pg_current_xact_id() is not null then kongtask.clock() end;

  -- One job with nothing said about it, of a task that has been seen before: what the rest would come to, in one statement.
  -- Each expression that is left out saves a transaction 1 to 2 µs, for PL/pgSQL prepares it anew in each.
  if p_kinds #- '{0,task}' in ('[{"options": {}, "contract": true}]', '[{"options": {}, "contract": false}]')
    and jsonb_typeof(p_kinds #> '{0,task}') = 'string' and jsonb_array_length(p_payloads) = 1 then
    insert into kongtask.jobs (id, run_at, created_at, queue_id, task_id, retain_s, lane, max_attempts, payload)
    select nextval('kongtask.job_ids'), v_now, v_now, q.id, t.id, 86400, 1, 25, p_payloads -> 0
      from kongtask.tasks t, kongtask.queues q
     where t.name = p_kinds #>> '{0,task}' and q.name = 'default'
       and (t.defaults = '{}' or p_kinds #> '{0,contract}' = 'true')
    returning 1, jobs.id::text, 'added', pg_notify(
                'kongtask:ready', jobs.queue_id || ' ready' || case when v_is_first then ' ' || jobs.id else '' end)
         into ordinal, id, status, v_told;
    if found then
      return next;
      return;
    end if;
  end if;

  if jsonb_array_length(p_kinds) > 1 then
    perform kongtask.intern(array(select spec ->> 'task' from jsonb_array_elements(p_kinds) as spec),
                            array(select spec -> 'options' ->> 'queue' from jsonb_array_elements(p_kinds) as spec
                                   where spec -> 'options' ? 'queue'));
    v_kinds := array(select kongtask.kind_from(spec.value)
                       from jsonb_array_elements(p_kinds) with ordinality as spec order by spec.ordinality);
  else
    k := kongtask.kind_from(p_kinds -> 0);
  end if;
  v_now := kongtask.clock();
  v_horizon := v_now + interval '1 minute';

  if k.is_unique is false and k.serial_key is null and k.is_limited is not true and jsonb_array_length(p_payloads) = 1 then
    -- One job: a plain insert, for its time is that of this one call.
    insert into kongtask.jobs (id, run_at, created_at, queue_id, task_id, retain_s, lane, max_attempts, payload, extras)
    values (nextval('kongtask.job_ids'), greatest(v_now, k.due_at, v_now + k.delay), v_now, k.queue_id, k.task_id,
            k.retain_s, k.priority, k.max_attempts, p_payloads -> 0, k.extras)
    returning 1, jobs.id::text, 'added' into ordinal, id, status;
    return next;
  elsif k.is_unique is false and k.serial_key is null and k.is_limited is not true then
    -- Many of one kind, nothing to compare with.
    return query
      with added as (
        insert into kongtask.jobs (id, run_at, created_at, queue_id, task_id, retain_s, lane, max_attempts, payload, extras)
        select nextval('kongtask.job_ids'), greatest(v_now, k.due_at, v_now + k.delay), v_now, k.queue_id, k.task_id,
               k.retain_s, k.priority, k.max_attempts, payload, k.extras
          from jsonb_array_elements(p_payloads) as payload
        returning jobs.id
      )
      select row_number() over (), added.id::text, 'added'::text from added;
  else
    v_kinds := coalesce(v_kinds, array[k]);
    return query
      select * from kongtask.insert_kinds(
        v_kinds, coalesce(p_kind, array_fill(1, array[jsonb_array_length(p_payloads)])), p_payloads, v_now);
  end if;

  -- Behind the insert: whoever looked before it saw the jobs or is told of them. A worker sleeps until its next look, and
  -- must hear of what falls due before that.
  if v_kinds is null then
    if coalesce(k.delay < interval '1 minute', true) and coalesce(k.due_at < v_horizon, true) then
      perform pg_notify(
        'kongtask:ready', k.queue_id || case when coalesce(k.due_at, k.delay + v_now) > v_now then ''
                                             when v_is_first and id is not null then ' ready ' || id
                                             else ' ready' end);
    end if;
  else
    perform pg_notify('kongtask:ready', soon.queue_id::text)
       from (select distinct each.queue_id from unnest(v_kinds) as each
              where coalesce(each.delay < interval '1 minute', true) and coalesce(each.due_at < v_horizon, true)) as soon;
  end if;
end
$$;

-- The same for jobs of several kinds, or with keys.
create function kongtask.insert_kinds(p_kinds kongtask.kind[], p_kind int4[], p_payloads jsonb, p_now timestamptz)
returns table (ordinal int8, id text, status text)
language plpgsql
as $$
declare
  v_count int4 := jsonb_array_length(p_payloads);
  v_ids int8[];
  v_waits int2[];
  v_limits jsonb[];
  v_gates text[];
  v_statuses text[];
  v_conflicts int8[];
  v_conflict record;
  v_outcome record;
begin
  if cardinality(p_kind) <> v_count or exists (
       select from unnest(p_kind) as k where k is null or k not between 1 and cardinality(p_kinds)) then
    perform kongtask.refuse('KT_ENTRY_INVALID', 'insert_jobs: each payload needs the number of its kind.');
  end if;
  v_ids := array(select nextval('kongtask.job_ids') from generate_series(1, v_count));

  if exists (select from unnest(p_kinds) as k where k.serial_key is not null) then
    v_waits := kongtask.line_up(p_kinds, p_kind);
  end if;
  if exists (select from unnest(p_kinds) as k where k.is_limited) then
    select * into v_limits, v_gates from kongtask.queue_up(p_kinds, p_kind, p_payloads, p_now);
  end if;
  if exists (select from unnest(p_kinds) as k where k.is_unique) then
    v_conflicts := kongtask.take_keys(p_kinds, p_kind, p_payloads, v_ids, p_now);
  end if;

  perform kongtask.write_jobs(p_kinds, p_kind, p_payloads, v_ids, p_now, v_conflicts, v_waits, v_limits, v_gates);

  if v_conflicts is not null then
    v_statuses := array_fill('added'::text, array[v_count]);
    for v_conflict in
      select c.ord, c.key from kongtask.unique_entries(p_kinds, p_kind, p_payloads) as c
       where c.ord = any (v_conflicts) order by c.task_id, c.key collate "C", c.ord
    loop
      select * into v_outcome
        from kongtask.add_under_key(
               p_kinds[p_kind[v_conflict.ord]], v_conflict.key, p_payloads -> (v_conflict.ord - 1)::int4,
               v_ids[v_conflict.ord], p_now, coalesce(v_waits[v_conflict.ord], 0::int2));
      v_ids[v_conflict.ord] := v_outcome.o_id;
      v_statuses[v_conflict.ord] := v_outcome.o_status;
    end loop;
  end if;

  return query
    select added.ord, added.id::text, coalesce(added.status, 'added')
      from unnest(v_ids, v_statuses) with ordinality as added (id, status, ord);
end
$$;

-- The rows themselves, all but those that p_except names by their place in the call. Of each entry: p_waits, how far above
-- its lane it has to wait for its serial key; p_limits, its limits; p_gates, behind which of them it is parked from the
-- beginning. Each may be null, for nothing.
create function kongtask.write_jobs(
  p_kinds kongtask.kind[], p_kind int4[], p_payloads jsonb, p_ids int8[], p_now timestamptz, p_except int8[],
  p_waits int2[], p_limits jsonb[], p_gates text[])
returns void
language plpgsql
set jit = off
-- What is unnested is taken for a few rows, and looked through for each of thousands.
set enable_nestloop = off
as $$
begin
  insert into kongtask.jobs (
    id, run_at, created_at, queue_id, task_id, retain_s, lane, max_attempts, payload, serial_key, limits, waits_for,
    extras)
  select e.id, greatest(p_now, k.due_at, p_now + k.delay), p_now, k.queue_id, k.task_id, k.retain_s,
         k.priority + coalesce(e.waits, 0) + case when e.gate is null then 0 else 64 end, k.max_attempts, e.payload,
         k.serial_key, e.limits, e.gate,
         case when k.unique_for is null or k.unique_key is not null then k.extras
              else coalesce(k.extras, '{}') || jsonb_build_object('uniqueKey', kongtask.payload_key(e.payload, k.extras)) end
    from rows from (
           jsonb_array_elements(p_payloads), unnest(p_ids), unnest(p_kind), unnest(p_waits), unnest(p_limits), unnest(p_gates))
           with ordinality as e (payload, id, kind, waits, limits, gate, ord)
    join unnest(p_kinds) with ordinality as k on k.ordinality = e.kind
   where p_except is null or e.ord <> all (p_except);
end
$$;

-- Where the entries of a call wait for their serial keys: 16 above their lanes, all but the first of each key. Where
-- somebody has the key, all wait: that somebody is kept from forgetting the key until this transaction has ended. Outside
-- READ COMMITTED this lock would fail wherever the key has moved since the transaction began; there the claim sorts it out.
-- Index: serial_keys_pkey.
create function kongtask.line_up(p_kinds kongtask.kind[], p_kind int4[]) returns int2[]
language plpgsql
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set enable_nestloop = off
as $$
declare
  v_queues int4[];
  v_keys text[];
begin
  if current_setting('transaction_isolation') in ('read committed', 'read uncommitted') then
    with held as (
      select taken.queue_id, taken.key
        from (select distinct k.queue_id, k.serial_key from unnest(p_kinds) as k
               where k.serial_key is not null) as asked
       cross join lateral (
              select s.queue_id, s.key
                from kongtask.serial_keys s
               where s.queue_id = asked.queue_id and s.key = asked.serial_key and s.job_id is not null
                 for key share) as taken
    )
    select array_agg(held.queue_id), array_agg(held.key) into v_queues, v_keys from held;
  end if;
  return array(
    select case when k.serial_key is not null
                 and (held.key is not null
                      -- An entry that may turn out to be a duplicate is nothing to wait behind, and waits for none.
                      or not k.is_unique and e.ord > min(e.ord) filter (where not k.is_unique)
                                                     over (partition by k.queue_id, k.serial_key))
                then 16 else 0 end
      from unnest(p_kind) with ordinality as e (kind, ord)
      join unnest(p_kinds) with ordinality as k on k.ordinality = e.kind
      left join unnest(v_queues, v_keys) as held (queue_id, key)
        on held.queue_id = k.queue_id and held.key = k.serial_key
     order by e.ord);
end
$$;

-- The limits of each entry of a call, and behind which gate it is parked from the beginning: of those that are due and
-- have the same gate, all but as many as it lets through at once, so that claims need not meet them one by one; and all
-- of them where many are parked there already. The first of them is never parked, or others go through that gate one by
-- one: so there is always somebody whose end lets the next ones in. An entry that may turn out to be a duplicate is
-- nobody's first.
create function kongtask.queue_up(
  p_kinds kongtask.kind[], p_kind int4[], p_payloads jsonb, p_now timestamptz, out o_limits jsonb[], out o_gates text[])
language plpgsql
set jit = off
set enable_nestloop = off
as $$
begin
  with entry as materialized (
    select e.ord, k.queue_id, kongtask.limits_of(k.extras, k.task_id, e.payload) as limits,
           k.serial_key is null and not k.is_unique and coalesce(k.delay, interval '0') <= interval '0'
           and coalesce(k.due_at <= p_now, true) as may_park
      from rows from (jsonb_array_elements(p_payloads), unnest(p_kind)) with ordinality as e (payload, kind, ord)
      join unnest(p_kinds) with ordinality as k on k.ordinality = e.kind
  ),
  asked as (
    select e.ord, e.queue_id, one.value ->> 'gate' as gate,
           row_number() over (partition by e.queue_id, one.value ->> 'gate' order by e.ord)
           > coalesce((one.value ->> 'burst')::int4, (one.value ->> 'limit')::int4) as is_behind
      from entry e
     cross join jsonb_array_elements(e.limits) as one
     where e.may_park
  ),
  crowded as (
    select gate.queue_id, gate.gate
      from (select distinct a.queue_id, a.gate from asked a) as gate
     where kongtask.is_crowded(gate.queue_id, gate.gate)
  ),
  closed as (
    select a.ord, min(a.gate) as gate
      from asked a
      left join crowded c on c.queue_id = a.queue_id and c.gate = a.gate
     where a.is_behind or c.gate is not null
     group by a.ord
  )
  select array_agg(e.limits order by e.ord), array_agg(closed.gate order by e.ord)
    into o_limits, o_gates
    from entry e
    left join closed on closed.ord = e.ord;
end
$$;

-- Whether a hundred jobs are parked behind a gate: then whoever ends lets some of them in for a while yet. Index:
-- jobs_parked.
create function kongtask.is_crowded(p_queue int4, p_gate text) returns bool
language plpgsql stable
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
as $$
begin
  return exists (
    select from kongtask.jobs j
     where j.queue_id = p_queue and j.waits_for = p_gate
     order by j.queue_id, j.waits_for, j.lane, j.run_at, j.id
    offset 99 limit 1);
end
$$;

create function kongtask.unique_entries(p_kinds kongtask.kind[], p_kind int4[], p_payloads jsonb)
returns table (ord int8, task_id int4, queue_id int4, key text, unique_for interval)
language sql stable
as $$
  select e.ord, k.task_id, k.queue_id, coalesce(k.unique_key, kongtask.payload_key(e.payload, k.extras)), k.unique_for
    from rows from (jsonb_array_elements(p_payloads), unnest(p_kind)) with ordinality as e (payload, kind, ord)
    join unnest(p_kinds) with ordinality as k on k.ordinality = e.kind
   where k.is_unique
$$;

-- Takes the keys that are free, in the order of the keys, so that two bulks wait for each other instead of deadlocking.
-- Returns the entries that did not get theirs, null for none.
create function kongtask.take_keys(
  p_kinds kongtask.kind[], p_kind int4[], p_payloads jsonb, p_ids int8[], p_now timestamptz)
returns int8[]
language plpgsql
as $$
declare
  v_conflicts int8[];
begin
  with entry as materialized (
    select c.*, row_number() over (partition by c.task_id, c.key order by c.ord) as nth
      from kongtask.unique_entries(p_kinds, p_kind, p_payloads) as c
  ),
  taken as (
    insert into kongtask.unique_keys (task_id, key, job_id, queue_id, until)
    select e.task_id, e.key, p_ids[e.ord], e.queue_id, p_now + e.unique_for
      from entry e
     where e.nth = 1
     order by e.task_id, e.key collate "C"
    on conflict do nothing
    returning job_id
  )
  select array_agg(e.ord) into v_conflicts
    from entry e
   where e.nth > 1 or p_ids[e.ord] not in (select t.job_id from taken t);
  return v_conflicts;
end
$$;

create function kongtask.write_job(p_kind kongtask.kind, p_payload jsonb, p_id int8, p_now timestamptz, p_waits int2)
returns void
language sql
begin atomic
  select kongtask.write_jobs(
    array[p_kind], '{1}', jsonb_build_array(p_payload), array[p_id], p_now, null, array[p_waits],
    array[kongtask.limits_of(p_kind.extras, p_kind.task_id, p_payload)], null);
end;

-- An entry whose key has a row already: that of a holder, or of what is left of one.
create function kongtask.add_under_key(
  p_kind kongtask.kind, p_key text, p_payload jsonb, p_id int8, p_now timestamptz, p_waits int2,
  out o_id int8, out o_status text)
language plpgsql
as $$
declare
  v_held kongtask.unique_keys;
  v_old kongtask.jobs;
  v_lives bool;
  v_running bool;
  v_stays bool;
begin
  loop
    select * into v_held from kongtask.unique_keys u
     where u.task_id = p_kind.task_id and u.key = p_key for update;
    if not found then
      -- Pruned meanwhile.
      insert into kongtask.unique_keys (task_id, key, job_id, queue_id, until)
      values (p_kind.task_id, p_key, p_id, p_kind.queue_id, p_now + p_kind.unique_for)
      on conflict do nothing;
      continue when not found;
      perform kongtask.write_job(p_kind, p_payload, p_id, p_now, p_waits);
      o_id := p_id;
      o_status := 'added';
      return;
    end if;

    select j.worker <> 0 into v_running
      from kongtask.jobs j
     where j.ctid = any (kongtask.places_of(v_held.queue_id, array[v_held.job_id]));
    v_lives := found;
    if v_lives and p_kind.on_conflict <> 'skip' and not v_running then
      delete from kongtask.jobs j
       where j.ctid = any (kongtask.places_of(v_held.queue_id, array[v_held.job_id])) and j.worker = 0
      returning * into v_old;
      -- Claimed at this moment, or moved: look again.
      continue when not found;
      -- What stays under its serial key keeps its place there.
      v_stays := v_old.queue_id = p_kind.queue_id and v_old.serial_key = p_kind.serial_key;
      if v_old.serial_key is not null and v_stays is not true then
        perform kongtask.drop_key(v_old.queue_id, v_old.serial_key, v_old.id);
      end if;
      -- What it did and said before was about another payload.
      delete from kongtask.steps s where s.job_id = v_old.id;
      delete from kongtask.progress p where p.job_id = v_old.id;
      perform kongtask.write_job(p_kind, p_payload, v_old.id, p_now, p_waits);
      update kongtask.jobs j
         set created_at = v_old.created_at,
             run_at = case when p_kind.on_conflict = 'keep_schedule' then v_old.run_at else j.run_at end,
             lane = case when v_stays and v_old.lane & 16 <> 0 then p_kind.priority + 16
                         when v_stays is not true and j.lane > 15 then j.lane
                         when p_kind.on_conflict = 'keep_schedule' and v_old.run_at < p_now then p_kind.priority + 128
                         else p_kind.priority end
       where j.ctid = any (kongtask.places_of(p_kind.queue_id, array[v_old.id]));
      update kongtask.unique_keys u
         set queue_id = p_kind.queue_id, until = p_now + p_kind.unique_for
       where u.task_id = p_kind.task_id and u.key = p_key;
      o_id := v_old.id;
      o_status := 'replaced';
      return;
    end if;

    if v_lives and current_setting('transaction_isolation') not in ('read committed', 'read uncommitted') then
      perform kongtask.check_unchanged(v_held.queue_id, v_held.job_id);
    end if;
    -- A running job is left alone and hands its key to its successor. A window whose job is done has nothing to replace.
    -- Its end is judged by the time now, for we may have waited for the key.
    if (v_lives and p_kind.on_conflict = 'skip') or (not v_lives and v_held.until > kongtask.clock()) then
      o_id := v_held.job_id;
      o_status := 'skipped';
      return;
    end if;
    update kongtask.unique_keys u
       set job_id = p_id, queue_id = p_kind.queue_id, until = p_now + p_kind.unique_for,
           predecessors = case when v_lives then kongtask.live_of(u.predecessors) || u.job_id else u.predecessors end
     where u.task_id = p_kind.task_id and u.key = p_key;
    perform kongtask.write_job(p_kind, p_payload, p_id, p_now, p_waits);
    o_id := p_id;
    o_status := 'added';
    return;
  end loop;
end
$$;
