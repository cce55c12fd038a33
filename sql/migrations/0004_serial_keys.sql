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

-- Opens the lane to a job that gets its key, if it is still there and can be locked at once. False where somebody has it:
-- whoever replaces it, deletes it, or claims it; or where it has gone elsewhere since it was looked for. The row is
-- written even where its lane is open: who is about to replace the job in a transaction that looks at the past must not
-- miss that it has the key now. Index: jobs_serial.
create function kongtask.open_lane(p_queue int4, p_key text, p_id int8) returns bool
language plpgsql
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
as $$
declare
  v_place tid;
  v_run_at timestamptz;
begin
  select j.ctid, j.run_at into v_place, v_run_at
    from kongtask.jobs j
   where j.queue_id = p_queue and j.serial_key = p_key and j.id between p_id and p_id
   order by j.queue_id, j.serial_key, j.id
   limit 1
     for update skip locked;
  if not found then
    return false;
  end if;
  update kongtask.jobs j set lane = (j.lane & 15) + 128, waits_for = null where j.ctid = v_place;
  if v_run_at < kongtask.clock() + interval '1 minute' then
    perform pg_notify('kongtask:ready', p_queue::text);
  end if;
  return true;
end
$$;

-- Hands on a key whose row the caller has locked, and whose job is gone, to the next of its jobs. Where there is none the
-- key is forgotten; where one is on its way, or cannot be locked, nobody has the key, and claims look again.
create function kongtask.hand_on(p_queue int4, p_key text) returns void
language plpgsql
as $$
declare
  v_next int8 := kongtask.first_of_key(p_queue, p_key);
begin
  if v_next is null then
    -- Adders who saw the key hold a lock that this one meets.
    perform from kongtask.serial_keys s where s.queue_id = p_queue and s.key = p_key for update skip locked;
    if found then
      -- One who came, committed and was gone since the look above is there to see now.
      v_next := kongtask.first_of_key(p_queue, p_key);
      if v_next is null then
        delete from kongtask.serial_keys s where s.queue_id = p_queue and s.key = p_key;
        return;
      end if;
    end if;
  end if;
  if v_next is not null and not kongtask.open_lane(p_queue, p_key, v_next) then
    v_next := null;
    perform pg_notify('kongtask:ready', p_queue::text);
  end if;
  update kongtask.serial_keys s set job_id = v_next
   where s.queue_id = p_queue and s.key = p_key and s.job_id is distinct from v_next;
end
$$;

-- The right to make keys of a queue, which one transaction at a time has: a row that another is just making would have to
-- be waited for, and claims wait for nothing.
create function kongtask.may_make_keys(p_queue int4) returns bool
language sql
return pg_try_advisory_xact_lock('kongtask.serial_keys'::regclass::oid::int4, p_queue);

-- Gives back the keys of jobs that are no longer there: each goes to the next of its jobs in the same transaction.
-- Called behind the statement that took the jobs away, by everything that does in a transaction of ours; it waits for a
-- claim at the most. Locks: the keys' rows, in order.
create function kongtask.leave_keys(p_queue int4, p_keys text[], p_ids int8[]) returns void
language plpgsql
as $$
declare
  v_key text;
  v_id int8;
  v_holder int8;
begin
  for v_key, v_id in
    select k.key, k.id from unnest(p_keys, p_ids) as k (key, id) order by k.key, k.id
  loop
    select s.job_id into v_holder from kongtask.serial_keys s where s.queue_id = p_queue and s.key = v_key;
    if not found then
      -- No claim has met it, but others may have been added behind it.
      if kongtask.first_of_key(p_queue, v_key) is not null then
        perform pg_advisory_xact_lock('kongtask.serial_keys'::regclass::oid::int4, p_queue);
        insert into kongtask.serial_keys (queue_id, key) values (p_queue, v_key) on conflict do nothing;
        perform pg_notify('kongtask:ready', p_queue::text);
      end if;
    elsif v_holder = v_id then
      perform from kongtask.serial_keys s where s.queue_id = p_queue and s.key = v_key for no key update;
      perform kongtask.hand_on(p_queue, v_key);
    end if;
  end loop;
end
$$;

-- The same in a transaction of somebody else's, which may stay open as long as it likes: the key is given back, and claims
-- hand it on when that is committed. Until then nobody has to wait for this lock, since nobody else gives this key away.
create function kongtask.drop_key(p_queue int4, p_key text, p_id int8) returns void
language plpgsql
as $$
begin
  update kongtask.serial_keys s set job_id = null
   where s.queue_id = p_queue and s.key = p_key and s.job_id = p_id;
  if found then
    perform pg_notify('kongtask:ready', p_queue::text);
  end if;
end
$$;

-- Keys that nobody has: the job may have arrived that was on its way when the last one gave them back. Called by claims,
-- and cheap where there is none, as nearly always. Index: serial_keys_unsettled.
create function kongtask.settle_keys(p_queue int4) returns void
language plpgsql
as $$
declare
  v_key text;
begin
  for v_key in
    select s.key from kongtask.serial_keys s
     where s.queue_id = p_queue and s.job_id is null
     order by s.key limit 100
       for no key update skip locked
  loop
    perform kongtask.hand_on(p_queue, v_key);
  end loop;
end
$$;

-- A claim met these jobs in their lanes. Returns the ones that may run: those that have their key, or get it now. Where
-- another has it the job goes to wait; where another was added first, the key goes to that one. p_places: locked by us.
-- o_left: some were left in their lanes, because somebody is just making or forgetting their key. o_again: it is worth
-- looking again in a moment.
create function kongtask.admit(
  p_queue int4, p_ids int8[], p_keys text[], p_places tid[], out o_admitted int8[], out o_left bool, out o_again bool)
language plpgsql
as $$
declare
  v_id int8;
  v_key text;
  v_place tid;
  v_holder int8;
  v_first int8;
  v_may_make bool := false;
begin
  o_admitted := '{}';
  o_left := false;
  o_again := false;
  for v_id, v_key, v_place in
    select c.id, c.key, c.place from unnest(p_ids, p_keys, p_places) as c (id, key, place) order by c.key, c.id
  loop
    select s.job_id into v_holder from kongtask.serial_keys s where s.queue_id = p_queue and s.key = v_key;
    if not found then
      v_may_make := v_may_make or kongtask.may_make_keys(p_queue);
      if not v_may_make then
        o_left := true;
        continue;
      end if;
      insert into kongtask.serial_keys (queue_id, key) values (p_queue, v_key) on conflict do nothing;
    elsif v_holder = v_id then
      o_admitted := o_admitted || v_id;
      continue;
    end if;
    select s.job_id into v_holder from kongtask.serial_keys s
     where s.queue_id = p_queue and s.key = v_key for no key update skip locked;
    if not found then
      -- Just being given away. It may wait like the others as long as the key cannot be forgotten meanwhile.
      o_again := true;
      perform from kongtask.serial_keys s
        where s.queue_id = p_queue and s.key = v_key for key share skip locked;
      if not found then
        o_left := true;
        continue;
      end if;
      v_holder := 0;
    elsif v_holder is null then
      v_first := kongtask.first_of_key(p_queue, v_key);
      if v_first = v_id or kongtask.open_lane(p_queue, v_key, v_first) then
        update kongtask.serial_keys s set job_id = v_first where s.queue_id = p_queue and s.key = v_key;
        v_holder := v_first;
      end if;
    end if;
    if v_holder = v_id then
      o_admitted := o_admitted || v_id;
    else
      update kongtask.jobs j set lane = (j.lane & 15) + 16 where j.ctid = v_place;
    end if;
  end loop;
  o_again := o_again or o_left;
end
$$;
