-- Serial keys: of the jobs of one queue with the same key, one at a time has the key, and only that one may be claimed.
-- It is the one that was added first; it has the key until it is finished, also while it is scheduled or retried.
--
-- The others wait in a lane where no claim looks (16 above their own). Adding waits for nobody: where the key is free to
-- see, the job enters its open lane, and the claim that meets it there decides who is first. Where it is taken, the adder
-- locks the key's row FOR KEY SHARE, which disturbs no other adder, and which tells whoever gives the key back that a job
-- may be about to arrive. Law 9 of STORAGE.md asks for as much, docs/decisions/003 tells how this came to be simpler.

-- Where jobs are (ctid), by one look into jobs_pkey each. What changes a job goes to its place. Neither a join nor
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

-- The job of a key that was added first, of those that are there. Index: jobs_serial.
create function kongtask.first_of_key(p_queue int4, p_key text) returns int8
language plpgsql stable
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
as $$
begin
  return (select j.id from kongtask.jobs j
           where j.queue_id = p_queue and j.serial_key = p_key
           order by j.queue_id, j.serial_key, j.id limit 1);
end
$$;

-- Opens the lane to a job that waits, if it can be locked at once. False where somebody has it: whoever adds a successor
-- in its place, deletes it, or claims it.
create function kongtask.open_lane(p_queue int4, p_id int8) returns bool
language plpgsql
as $$
declare
  v_place tid;
  v_lane int2;
  v_run_at timestamptz;
begin
  select j.ctid, j.lane, j.run_at into v_place, v_lane, v_run_at
    from kongtask.jobs j
   where j.ctid = any (kongtask.places_of(p_queue, array[p_id])) and j.id = p_id
     for update skip locked;
  if not found then
    return false;
  end if;
  if v_lane > 15 then
    update kongtask.jobs j set lane = v_lane - 16 where j.ctid = v_place;
    if v_run_at < kongtask.clock() + interval '1 minute' then
      perform pg_notify('kongtask:ready', p_queue::text);
    end if;
  end if;
  return true;
end
$$;

-- A key of which there is no job. False where somebody is just adding one, which the lock meets.
create function kongtask.forget_key(p_queue int4, p_key text) returns bool
language plpgsql
as $$
begin
  perform from kongtask.serial_keys s where s.queue_id = p_queue and s.key = p_key for update skip locked;
  if not found then
    return false;
  end if;
  delete from kongtask.serial_keys s where s.queue_id = p_queue and s.key = p_key;
  return true;
end
$$;

-- Gives back the keys of jobs that are no longer there: each goes to the next of its jobs in the same transaction.
-- Called behind the statement that took the jobs away, by everything that does. Locks: the keys' rows, in order.
create function kongtask.leave_keys(p_queue int4, p_keys text[], p_ids int8[]) returns void
language plpgsql
as $$
declare
  v_key text;
  v_id int8;
  v_holder int8;
  v_next int8;
begin
  for v_key, v_id in
    select k.key, k.id from unnest(p_keys, p_ids) as k (key, id) order by k.key, k.id
  loop
    select s.job_id into v_holder from kongtask.serial_keys s
     where s.queue_id = p_queue and s.key = v_key for no key update;
    -- A job that only waited, or that went before any claim met it, had no key; but others may wait behind it.
    if found and v_holder is distinct from v_id and v_holder is not null then
      continue;
    end if;
    v_next := kongtask.first_of_key(p_queue, v_key);
    if v_next is null then
      continue when v_holder is null or kongtask.forget_key(p_queue, v_key);
    elsif not kongtask.open_lane(p_queue, v_next) then
      v_next := null;
    end if;
    insert into kongtask.serial_keys (queue_id, key, job_id) values (p_queue, v_key, v_next)
    on conflict (queue_id, key) do update set job_id = excluded.job_id;
  end loop;
end
$$;

-- Keys that were given back while a job was on its way to them: it may have arrived. Called by claims, and cheap where
-- there is none, as nearly always. Index: serial_keys_unsettled.
create function kongtask.settle_keys(p_queue int4) returns void
language plpgsql
as $$
declare
  v_key text;
  v_next int8;
begin
  for v_key in
    select s.key from kongtask.serial_keys s
     where s.queue_id = p_queue and s.job_id is null
     order by s.key limit 100
       for no key update skip locked
  loop
    v_next := kongtask.first_of_key(p_queue, v_key);
    if v_next is null then
      perform kongtask.forget_key(p_queue, v_key);
    elsif kongtask.open_lane(p_queue, v_next) then
      update kongtask.serial_keys s set job_id = v_next where s.queue_id = p_queue and s.key = v_key;
    end if;
  end loop;
end
$$;

-- A claim met these jobs in their lanes. Returns the ones that may run: those that have their key, or get it now. Where
-- another has it the job goes to wait; where another was added first, the key goes to that one. p_places: locked by us.
-- o_again: some were left in their lanes, because somebody was just giving their key away.
create function kongtask.admit(
  p_queue int4, p_ids int8[], p_keys text[], p_places tid[], out o_admitted int8[], out o_again bool)
language plpgsql
as $$
declare
  v_id int8;
  v_key text;
  v_place tid;
  v_holder int8;
  v_first int8;
begin
  o_admitted := '{}';
  o_again := false;
  for v_id, v_key, v_place in
    select c.id, c.key, c.place from unnest(p_ids, p_keys, p_places) as c (id, key, place) order by c.key, c.id
  loop
    select s.job_id into v_holder from kongtask.serial_keys s where s.queue_id = p_queue and s.key = v_key;
    if found and v_holder = v_id then
      o_admitted := o_admitted || v_id;
      continue;
    end if;
    -- Waits only for another claim that meets the same new key at this moment.
    insert into kongtask.serial_keys (queue_id, key) values (p_queue, v_key) on conflict do nothing;
    select s.job_id into v_holder from kongtask.serial_keys s
     where s.queue_id = p_queue and s.key = v_key for no key update skip locked;
    if not found then
      o_again := true;
      continue;
    end if;
    if v_holder is null then
      v_first := kongtask.first_of_key(p_queue, v_key);
      if v_first = v_id or kongtask.open_lane(p_queue, v_first) then
        update kongtask.serial_keys s set job_id = v_first where s.queue_id = p_queue and s.key = v_key;
        v_holder := v_first;
      end if;
    end if;
    if v_holder = v_id then
      o_admitted := o_admitted || v_id;
    elsif v_holder is not null then
      update kongtask.jobs j set lane = j.lane + 16 where j.ctid = v_place;
    else
      o_again := true;
    end if;
  end loop;
end
$$;
