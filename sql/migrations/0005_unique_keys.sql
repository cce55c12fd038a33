-- Unique keys: the row of unique_keys is the constraint. Whoever adds under a key inserts or locks that row, so adders of
-- one key wait for each other's transactions, and nobody else waits for anything.

-- Whether a holder keeps others out: its job is live, or its window has not ended.
create function kongtask.is_held(p_held kongtask.unique_keys) returns bool
language plpgsql stable
as $$
begin
  return coalesce(p_held.until > kongtask.clock(), false)
      or (kongtask.places_of(p_held.queue_id, array[p_held.job_id]))[1] is not null;
end
$$;

-- Those of some jobs that are live, in whatever queue.
create function kongtask.live_of(p_ids int8[]) returns int8[]
language plpgsql stable
as $$
begin
  return array(
    select asked.id from unnest(p_ids) as asked (id)
     where exists (select from kongtask.queues q where (kongtask.places_of(q.id, array[asked.id]))[1] is not null));
end
$$;

-- A transaction that is not READ COMMITTED sees a job as it was. Fails as such transactions do (40001) if it has changed
-- since. The lock that tells is given back at once, because whoever runs the job must not wait for it.
create function kongtask.check_unchanged(p_queue int4, p_id int8) returns void
language plpgsql
as $$
begin
  perform from kongtask.jobs j
    where j.ctid = any (kongtask.places_of(p_queue, array[p_id])) and j.id = p_id for key share;
  raise exception using errcode = 'KT003';
exception when sqlstate 'KT003' then
  null;
end
$$;

-- Why a job that ran, or is about to, must not run again: it was cancelled while it ran, or a successor was given its
-- unique key. Null for no reason, as nearly always.
create function kongtask.why_ended(p_task int4, p_id int8, p_extras jsonb) returns text
language plpgsql stable
as $$
begin
  if p_extras ? 'cancelled' then
    return p_extras ->> 'cancelled';
  elsif p_extras ? 'uniqueKey' then
    return (select 'superseded by ' || u.job_id from kongtask.unique_keys u
             where u.task_id = p_task and u.key = p_extras ->> 'uniqueKey' and u.job_id <> p_id);
  end if;
  return null;
end
$$;

-- The key for a job that comes back to life (redriven, retried by hand). False where another job has it now.
create function kongtask.regain_key(p_task int4, p_key text, p_queue int4, p_id int8) returns bool
language plpgsql
as $$
declare
  v_held kongtask.unique_keys;
begin
  loop
    insert into kongtask.unique_keys as u (task_id, key, job_id, queue_id) values (p_task, p_key, p_id, p_queue)
    on conflict do nothing;
    if found then
      return true;
    end if;
    select * into v_held from kongtask.unique_keys u where u.task_id = p_task and u.key = p_key for update;
    if found then
      if v_held.job_id <> p_id and kongtask.is_held(v_held) then
        return false;
      end if;
      update kongtask.unique_keys u
         set job_id = p_id, queue_id = p_queue, until = case when v_held.job_id = p_id then u.until end
       where u.task_id = p_task and u.key = p_key;
      return true;
    end if;
  end loop;
end
$$;

-- Takes away rows that hold nothing any more, a batch at a time in order of the key. Returns where the batch ended, null
-- behind the last one. Locks: rows of unique_keys, skipping those that somebody is adding under.
create function kongtask.prune_unique_keys(inout p_task int4, inout p_key text, p_limit int4, out o_pruned int4)
language plpgsql
as $$
declare
  v_row kongtask.unique_keys;
  v_seen int4 := 0;
begin
  o_pruned := 0;
  for v_row in
    select * from kongtask.unique_keys u
     where (u.task_id, u.key) > (coalesce(p_task, 0), coalesce(p_key, ''))
     order by u.task_id, u.key limit p_limit
  loop
    v_seen := v_seen + 1;
    p_task := v_row.task_id;
    p_key := v_row.key;
    if not kongtask.is_held(v_row) and kongtask.live_of(v_row.predecessors) = '{}' then
      select * into v_row from kongtask.unique_keys u
       where u.task_id = p_task and u.key = p_key for update skip locked;
      if found and not kongtask.is_held(v_row) and kongtask.live_of(v_row.predecessors) = '{}' then
        delete from kongtask.unique_keys u where u.task_id = p_task and u.key = p_key;
        o_pruned := o_pruned + 1;
      end if;
    end if;
  end loop;
  if v_seen < p_limit then
    p_task := null;
    p_key := null;
  end if;
end
$$;
