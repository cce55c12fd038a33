-- The life of a process: registered, renewed by heartbeats, and, when it falls silent, rescued by any other.

-- Leases are judged by the real clock, not by kongtask.clock(): processes live in real time.
-- Where anybody was heard within a lease, there was no outage that long, and what was unbroken goes on.
create function kongtask.register_worker(p_lease_ms float8, p_info jsonb, p_session jsonb)
returns table (worker int4, nonce uuid)
language sql
as $$
  insert into kongtask.workers (started_at, heartbeat_at, expires_at, unbroken_since, info, session)
  select n.now, n.now, n.now + p_lease_ms * interval '1 ms',
         coalesce((select min(w.unbroken_since) from kongtask.workers w
                    where w.heartbeat_at > n.now - p_lease_ms * interval '1 ms'), n.now),
         p_info, p_session
    from (select clock_timestamp() as now) as n
  returning id, nonce
$$;

-- Whom a process may take for dead: those whose session is gone, those whose lease has run out. After an outage of the
-- database, or a jump of its clock, that is everybody, and whoever comes back first would bury the others, who are about
-- to. So nobody judges by leases before somebody was heard all through one; who was cut off itself judges nobody that
-- long, and who has missed its own lease, and may not know it yet, judges nobody either. Null: an operator asks, who knows.
create function kongtask.judges(p_self int4, out o_absent bool, out o_silent bool)
language sql stable
as $$
  select coalesce(bool_or(self.is_sure or self.unbroken_since <= self.started_at), p_self is null),
         coalesce(bool_or(self.is_sure), p_self is null)
    from (select w.started_at, w.unbroken_since,
                 w.unbroken_since + (w.expires_at - w.heartbeat_at) <= clock_timestamp() as is_sure
            from kongtask.workers w
           where w.id = p_self and w.rescued_at is null and w.expires_at >= clock_timestamp()) as self
$$;

-- Jobs of a worker return to their lanes, each once, and only those that its lease still names.
-- p_crashed: the process is gone, so each counts a crash; else the process lives and gives them back.
create function kongtask.release_claim(p_worker int4, p_claim int4, p_queue int4, p_ids int8[], p_crashed bool)
returns int4
language plpgsql
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_places tid[] := kongtask.places_of(p_queue, p_ids);
  v_released int4;
begin
  with held as materialized (
    select j.ctid as place
      from kongtask.jobs j
     where j.ctid = any (v_places) and j.worker = p_worker and j.claim = p_claim
       for update skip locked
  )
  update kongtask.jobs j
     set worker = 0, claim = 0, attempt = j.attempt - 1, lane = (j.lane & 15) + 128,
         crashes = least(j.crashes + case when p_crashed then 1 else 0 end, 32767)
   where j.ctid = any (array(select held.place from held));
  get diagnostics v_released = row_count;
  if v_released > 0 then
    perform pg_notify('kongtask:ready', p_queue::text);
  end if;
  -- A row that was locked (by a transaction that is settling it, say) keeps its ledger entry for the next look.
  delete from kongtask.claims c
   where c.worker = p_worker and c.claim = p_claim and c.queue_id = p_queue
     and not exists (
           select from unnest(p_ids) as ledger (id)
            where (select j.worker = p_worker and j.claim = p_claim
                     from kongtask.jobs j
                    where j.queue_id = p_queue and j.id between ledger.id and ledger.id
                    order by j.id limit 1));
  return v_released;
end
$$;

-- Tells a process something; whoever listens reads it at once, the others with their next heartbeat. Null: all of them.
create function kongtask.tell_worker(p_worker int4, p_body jsonb) returns void
language plpgsql
as $$
begin
  insert into kongtask.messages (worker, body)
  select w.id, p_body from kongtask.workers w
   where w.rescued_at is null and (p_worker is null or w.id = p_worker);
  perform pg_notify('kongtask:worker', coalesce(p_worker::text, ''));
end
$$;

-- Renews the lease. o_alive is false where the worker was declared dead or never was. On the way it gives back claims
-- that committed while their answer was lost: ledger rows below p_before, the oldest claim that may still be under way,
-- that this process does not remember (p_known).
-- p_session is the session by which others see that it is there; o_seen says whether it still is, for the server may have lost a
-- connection of which the process thinks well. p_is_direct: heartbeats come over connections of its own, not a pooler's.
-- And it reads what the process is to be told: o_messages, an array of { id, body }; p_heard: those that it has read. Exactly
-- those, for a lower number may commit later than a higher one.
-- o_rescue and o_absent are what find_chores says: a look that costs no statement of its own. Whether this process may do
-- something about it, judges tells then.
create function kongtask.heartbeat(
  p_worker int4, p_nonce uuid, p_lease_ms float8, p_known int4[], p_before int4, p_heard int8[], p_session jsonb, p_is_direct bool,
  out o_alive bool, out o_messages jsonb, out o_rescue bool, out o_absent bool, out o_seen bool)
language plpgsql
as $$
begin
  o_alive := false;
  o_rescue := false;
  o_absent := false;
  o_seen := p_session is not null and kongtask.is_open(p_session);
  update kongtask.workers w
     set heartbeat_at = clock_timestamp(), expires_at = clock_timestamp() + p_lease_ms * interval '1 ms',
         unbroken_since = case when w.expires_at < clock_timestamp() then clock_timestamp() else w.unbroken_since end,
         session = case when o_seen then p_session end, carrier = case when p_is_direct then kongtask.this_session() end
   where w.id = p_worker and w.nonce = p_nonce and w.rescued_at is null;
  if not found then
    return;
  end if;
  o_alive := true;
  perform kongtask.release_claim(c.worker, c.claim, c.queue_id, c.ids, false)
     from kongtask.claims c
    where c.worker = p_worker and c.claim < p_before and c.claim <> all (p_known);
  delete from kongtask.messages m where m.worker = p_worker and m.id = any (p_heard);
  select jsonb_agg(jsonb_build_object('id', m.id::text, 'body', m.body) order by m.id) into o_messages
    from kongtask.messages m
   where m.worker = p_worker;
  o_rescue := exists (select from kongtask.workers w where w.expires_at < clock_timestamp());
  o_absent := exists (select from kongtask.absent_workers());
end
$$;

-- A job that was there when its process died, twice, runs alone from then on: one that dies with it once more was killed by it,
-- and bystanders are never buried. Said before the job starts; whether what dies is still that run, its lease tells. Null: none
-- runs alone any more. False where this worker was declared dead.
create function kongtask.run_alone(p_worker int4, p_nonce uuid, p_job int8, p_claim int4) returns bool
language plpgsql
as $$
begin
  -- Lost in a crash of the server it only means that a crash of the process is counted.
  perform set_config('synchronous_commit', 'off', true);
  update kongtask.workers w set alone = p_job, alone_claim = p_claim
   where w.id = p_worker and w.rescued_at is null and w.nonce = p_nonce;
  return found;
end
$$;

-- The job that a dead worker ran alone, if it still has it, goes to the dead letters. One that somebody has locked is left to
-- the next look, as in release_claim. o_queue: that of a job that was buried; o_left: what it leaves to others, if anything.
create function kongtask.bury_pill(p_worker int4, out o_queue int4, out o_left kongtask.left_job)
language plpgsql
as $$
declare
  v_pill record;
  v_others record;
begin
  select c.queue_id, w.alone as id, w.alone_claim as claim into v_pill
    from kongtask.workers w
    join kongtask.claims c on c.worker = w.id and c.claim = w.alone_claim and w.alone = any (c.ids)
   where w.id = p_worker;
  if not found then
    return;
  end if;
  perform from kongtask.jobs j
    where j.ctid = any (kongtask.places_of(v_pill.queue_id, array[v_pill.id]))
      and j.worker = p_worker and j.claim = v_pill.claim
      for update skip locked;
  if not found then
    return;
  end if;
  update kongtask.jobs j set crashes = least(j.crashes + 1, 32767)
   where j.ctid = any (kongtask.places_of(v_pill.queue_id, array[v_pill.id]));
  select * into v_others
    from kongtask.settle_others(p_worker, v_pill.queue_id, jsonb_build_array(jsonb_build_object(
           'id', v_pill.id, 'claim', v_pill.claim, 'kind', 'dead', 'reason', 'crashes',
           'error', jsonb_build_object(
             'name', 'KongTaskError', 'code', 'KT_POISON_PILL',
             'message', 'Its process died with it, or fell silent for longer than its lease, again and again, '
                        'the last time while it ran alone there.'))));
  o_queue := v_pill.queue_id;
  o_left := (v_others.o_gone).inheritance[1];
end
$$;

-- Any process may call it, and says who it is (judges). A worker whose lease has run out is marked first, so that it can
-- neither claim nor renew, and its row goes when its ledger is empty. One that was declared dead before, or was found absent
-- (rescue_absent_workers), needs no judging. Returns how many workers were found and how many jobs went back.
create function kongtask.rescue_workers(p_self int4 default null)
returns table (workers int4, jobs int4)
language plpgsql
as $$
declare
  v_judges bool := (kongtask.judges(p_self)).o_silent;
  v_worker int4;
  v_is_blameless bool;
  v_released int4;
  v_pill record;
  -- Of the jobs that are buried, what they leave behind.
  v_queues int4[] := '{}';
  v_left kongtask.left_job[] := '{}';
begin
  workers := 0;
  jobs := 0;
  for v_worker, v_is_blameless in
    select w.id, w.is_blameless from kongtask.workers w
     where (v_judges or w.rescued_at is not null or w.expires_at = '-infinity')
       and w.expires_at < clock_timestamp()
       for update skip locked
  loop
    update kongtask.workers w set rescued_at = clock_timestamp() where w.id = v_worker and w.rescued_at is null;
    if found then
      workers := workers + 1;
    end if;
    if not v_is_blameless then
      select * into v_pill from kongtask.bury_pill(v_worker);
      if v_pill.o_queue is not null then
        v_queues := v_queues || v_pill.o_queue;
        v_left := v_left || v_pill.o_left;
      end if;
    end if;
    select coalesce(sum(kongtask.release_claim(c.worker, c.claim, c.queue_id, c.ids, not v_is_blameless)), 0)
      into v_released
      from kongtask.claims c
     where c.worker = v_worker;
    jobs := jobs + v_released;
    delete from kongtask.messages m where m.worker = v_worker;
    delete from kongtask.workers w
     where w.id = v_worker and not exists (select from kongtask.claims c where c.worker = v_worker);
  end loop;
  perform kongtask.let_go(pills.queue_id, pills.inheritance)
     from (select p.queue_id, array_agg((p.id, p.key, p.limits)::kongtask.left_job) as inheritance
             from unnest(v_queues, v_left) as p (queue_id, id, key, limits)
            group by p.queue_id
            order by p.queue_id) as pills;
  return next;
end
$$;

-- Which run of which server this is. After a restart, a crash of a backend or a failover it is another one: all sessions are
-- gone then, and say nothing of their processes. (PostgreSQL keeps no time of such a crash, but its statistics begin anew.)
create function kongtask.server_run() returns text
language sql stable
as $$
  select extract(epoch from pg_postmaster_start_time())::text || ' '
      || coalesce(extract(epoch from pg_stat_get_bgwriter_stat_reset_time())::text, '')
$$;

-- The session that asks. Its process keeps it open, so PostgreSQL learns within milliseconds when the process dies.
create function kongtask.this_session() returns jsonb
language sql stable
as $$
  select jsonb_build_object(
           'pid', a.pid, 'began', extract(epoch from a.backend_start)::text, 'server', kongtask.server_run())
    from pg_stat_get_activity(pg_backend_pid()) as a
$$;

-- Whether a session is still there. Another role's sessions hide when they began; one with the right pid then counts as the
-- right one, and the lease decides.
create function kongtask.is_open(p_session jsonb) returns bool
language sql stable
as $$
  select p_session ->> 'server' = kongtask.server_run()
     and exists (
           select from pg_stat_get_activity((p_session ->> 'pid')::int4) as a
            where a.backend_start is null or extract(epoch from a.backend_start)::text = p_session ->> 'began')
$$;

-- Workers that are gone, each with its last heartbeat: neither their session is there nor what carried that heartbeat, for a
-- network may well lose one connection and leave the process alive. Sessions of another role as in is_open.
create function kongtask.absent_workers() returns table (worker int4, heartbeat text)
language sql stable
as $$
  select w.id, extract(epoch from w.heartbeat_at)::text
    from kongtask.workers w
   where w.rescued_at is null and w.session ->> 'server' = kongtask.server_run()
     and not exists (
           select from (values (w.session), (w.carrier)) as kept (session)
             join pg_stat_get_activity(null) as a on a.pid = (kept.session ->> 'pid')::int4
            where a.backend_start is null or extract(epoch from a.backend_start)::text = kept.session ->> 'began')
$$;

-- Rescues workers that were seen absent a moment ago, if they are so still and have not been heard since: who has only lost
-- that connection says so with a heartbeat at once. Any process may call it, and says who it is (judges).
create function kongtask.rescue_absent_workers(p_workers int4[], p_heartbeats text[], p_self int4 default null)
returns table (workers int4, jobs int4)
language plpgsql
as $$
begin
  with gone as materialized (
    select w.id
      from kongtask.workers w
     where exists (
             select from unnest(p_workers, p_heartbeats) as seen (worker, heartbeat)
               join kongtask.absent_workers() as absent using (worker, heartbeat)
              where seen.worker = w.id and absent.heartbeat = extract(epoch from w.heartbeat_at)::text)
       and (kongtask.judges(p_self)).o_absent
     order by w.id
       for update skip locked
  )
  update kongtask.workers w set expires_at = '-infinity' from gone where w.id = gone.id;
  return query select r.workers, r.jobs from kongtask.rescue_workers(p_self) as r;
end
$$;

-- A process that ends in good order. What its ledger still names (an interrupted flush) goes back without a crash, also later
-- where somebody has it locked.
create function kongtask.unregister_worker(p_worker int4, p_nonce uuid) returns void
language plpgsql
as $$
begin
  perform from kongtask.workers w where w.id = p_worker and w.nonce = p_nonce for update;
  if not found then
    return;
  end if;
  perform kongtask.release_claim(c.worker, c.claim, c.queue_id, c.ids, false)
     from kongtask.claims c where c.worker = p_worker;
  delete from kongtask.messages m where m.worker = p_worker;
  delete from kongtask.workers w
   where w.id = p_worker and not exists (select from kongtask.claims c where c.worker = p_worker);
  update kongtask.workers w set is_blameless = true where w.id = p_worker;
end
$$;
