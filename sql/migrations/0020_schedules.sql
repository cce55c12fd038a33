-- Schedules: jobs that are added again and again. When a schedule comes is computed outside (src/calendar); whether a tick
-- is due, and that it fires once, is decided here, by this database's clock and rows (docs/decisions/010).

create table kongtask.schedules (
  name text primary key check (name ~ '^[A-Za-z0-9_.:/-]{1,128}$'),
  -- Who says what it is: 'code' and 'crontab' are declared by an application when it starts; 'user': people, at run time.
  source text not null check (source in ('code', 'crontab', 'user')),
  -- The application that declares it; null for people's.
  application text,
  -- Of what was declared: people's changes hold until code says something else.
  declared text,
  expression text not null,
  tz text not null,
  catch_up text not null check (catch_up in ('all', 'latest', 'none')),
  -- How old, in ms, a missed tick may be.
  within_ms float8 not null,
  -- { task, options, contract, encryptionKey? }: what insert_jobs takes as a kind.
  job jsonb not null,
  payload jsonb not null,
  paused_at timestamptz,
  -- The first tick that has not been dealt with; null: none ever comes. It never goes back, but for a change of the timing.
  next_tick timestamptz,
  last_tick timestamptz,
  -- Goes up with every change, so that whoever read it before fires nothing by it.
  revision int8 not null default 1,
  created_at timestamptz not null,
  changed_at timestamptz not null
) with (fillfactor = 70);

create index schedules_next on kongtask.schedules (next_tick) where paused_at is null;
create index schedules_application on kongtask.schedules (application);

-- One row per tick that fired: the constraint that it fires once, whatever else goes wrong. Kept for a while, also when the
-- schedule is gone: one that is made anew under its name fires none of these again.
create table kongtask.schedule_ticks (
  schedule text not null,
  tick timestamptz not null,
  fired_at timestamptz not null,
  caught_up bool not null,
  job_id int8,
  -- What became of adding it: added, skipped, replaced.
  status text,
  primary key (schedule, tick)
);

create index schedule_ticks_fired on kongtask.schedule_ticks (fired_at);

-- Who changed what, when.
create table kongtask.schedule_changes (
  id int8 generated always as identity primary key,
  schedule text not null,
  at timestamptz not null,
  -- A person or program, as it called itself; else the database role.
  by text not null,
  verb text not null,
  before jsonb,
  after jsonb
);

create index schedule_changes_of on kongtask.schedule_changes (schedule, id);

-- What an application declares is one set, a generation. Which one holds, for each application.
create table kongtask.schedule_sets (
  application text primary key,
  generation text not null,
  applied_at timestamptz not null
);

-- When a generation was seen first: the order in which they were deployed. And when one of its processes was declared dead.
create table kongtask.schedule_generations (
  application text not null,
  generation text not null,
  seen_at timestamptz not null,
  silent_at timestamptz,
  primary key (application, generation)
);

-- What the audit trail shows of a schedule: everything that somebody can say about it. A sealed payload stays sealed.
create function kongtask.schedule_facts(s kongtask.schedules) returns jsonb
language sql stable
return jsonb_build_object(
  'source', (s).source, 'expression', (s).expression, 'tz', (s).tz, 'catchUp', (s).catch_up, 'within', (s).within_ms,
  'task', (s).job -> 'task', 'options', coalesce((s).job -> 'options', '{}'), 'payload', (s).payload,
  'pausedAt', (s).paused_at);

create function kongtask.note_change(p_name text, p_by text, p_verb text, p_before jsonb, p_after jsonb) returns void
language sql
begin atomic
  insert into kongtask.schedule_changes (schedule, at, by, verb, before, after)
  values (p_name, kongtask.clock(), coalesce(p_by, session_user), p_verb, p_before, p_after);
  -- Whoever listens looks when the next tick is.
  select pg_notify('kongtask:schedule', '');
end;

-- Milliseconds until the next tick of all; null: there is none. Index: schedules_next.
create function kongtask.next_tick_in() returns float8
language plpgsql stable
security definer
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
as $$
begin
  return (select extract(epoch from s.next_tick - kongtask.clock()) * 1000
            from kongtask.schedules s
           where s.paused_at is null and s.next_tick is not null
           order by s.next_tick limit 1);
end
$$;

-- The generation, of those that processes of the application declare, that was deployed last: it is to hold. Null: none of
-- them is there. Processes say in `info` what they declare. One that has fallen silent may come back (it was stalled, or the
-- database was away), and must find its schedules as it left them: for five minutes its word counts. Who stops takes it along.
create function kongtask.newest_generation(p_application text) returns text
language sql stable
return (
  select g.generation from kongtask.schedule_generations g
   where g.application = p_application
     and (g.silent_at > clock_timestamp() - interval '5 minutes'
          or exists (select from kongtask.workers w
                      where w.rescued_at is null
                        and w.info ->> 'application' = p_application and w.info ->> 'generation' = g.generation))
   order by g.seen_at desc limit 1);

-- Locks: the generation's row, skipped where locked, for then another process of it is declared dead in the same moment.
create function kongtask.note_silence() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  update kongtask.schedule_generations each
     set silent_at = clock_timestamp()
    from (select g.application, g.generation from kongtask.schedule_generations g
           where g.application = new.info ->> 'application' and g.generation = new.info ->> 'generation'
             for no key update skip locked) as free
   where each.application = free.application and each.generation = free.generation;
  return null;
end
$$;

create trigger note_silence after update of rescued_at on kongtask.workers
for each row when (old.rescued_at is null and new.rescued_at is not null and new.info ? 'generation')
execute function kongtask.note_silence();

-- The applications of which another generation holds than should: a deploy was taken back, or is over and one of its
-- processes was late.
create function kongtask.unsettled_applications() returns text[]
language plpgsql stable
security definer
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
as $$
begin
  return nullif(array(
    select s.application from kongtask.schedule_sets s
     where s.generation <> kongtask.newest_generation(s.application)), '{}');
end
$$;

-- Schedules that are due, the longest first, but for p_except ('name revision'), and in the last row (whose name is null) when
-- the next one of those comes that are not due.
-- Index: schedules_next.
create function kongtask.due_schedules(p_limit int4, p_except text[])
returns table (
  name text, revision int8, expression text, tz text, catch_up text, within_ms float8, next_tick timestamptz,
  seen_at timestamptz, next_in float8)
language plpgsql stable
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
as $$
declare
  v_now timestamptz := kongtask.clock();
begin
  return query
    select s.name, s.revision, s.expression, s.tz, s.catch_up, s.within_ms, s.next_tick, v_now, null::float8
      from kongtask.schedules s
     where s.paused_at is null and s.next_tick <= v_now and s.name || ' ' || s.revision <> all (p_except)
     order by s.next_tick limit p_limit;
  return query
    select null::text, null::int8, null::text, null::text, null::text, null::float8, null::timestamptz, v_now,
           (select extract(epoch from s.next_tick - v_now)::float8 * 1000
              from kongtask.schedules s
             where s.paused_at is null and s.next_tick > v_now
             order by s.next_tick limit 1);
end
$$;

-- Adds the job of one tick, or of none (runNow), as insert_jobs would for anybody.
create function kongtask.add_tick_job(
  s kongtask.schedules, p_tick timestamptz, p_caught_up bool, out o_id int8, out o_status text)
language plpgsql
as $$
begin
  select added.id::int8, added.status into o_id, o_status
    from kongtask.insert_jobs(
           jsonb_build_array(s.job || jsonb_build_object('schedule', jsonb_build_object(
             'name', s.name, 'isCaughtUp', p_caught_up,
             'tick', to_char(p_tick at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')))),
           null, jsonb_build_array(s.payload)) as added;
end
$$;

-- Fires ticks of one schedule: p_ticks, [{ at, isCaughtUp }], all from p_from on, that nobody has dealt with; then p_following
-- is the next one. One statement, so that a process that is suspended meanwhile keeps nobody waiting. Does nothing where
-- somebody else has done it, is at it, or has changed the schedule, and where this clock has not come to these ticks.
-- Locks: the schedule's row, skipped where locked; then what adding locks.
create function kongtask.fire_schedule(
  p_name text, p_revision int8, p_from timestamptz, p_ticks jsonb, p_following timestamptz)
returns table (tick timestamptz, is_caught_up bool, job_id int8, status text)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  s kongtask.schedules;
  v_now timestamptz;
begin
  select * into s
    from kongtask.schedules each
   where each.name = p_name and each.revision = p_revision and each.next_tick = p_from and each.paused_at is null
     for update skip locked;
  if not found then
    return;
  end if;
  v_now := kongtask.clock();
  if s.next_tick > v_now or p_following <= s.next_tick
    or exists (select from jsonb_array_elements(p_ticks) as each
                where (each ->> 'at')::timestamptz not between s.next_tick and v_now
                   or (each ->> 'at')::timestamptz >= p_following) then
    return;
  end if;
  for tick, is_caught_up in
    select (each ->> 'at')::timestamptz, (each ->> 'isCaughtUp')::bool from jsonb_array_elements(p_ticks) as each order by 1
  loop
    insert into kongtask.schedule_ticks (schedule, tick, fired_at, caught_up)
    values (s.name, fire_schedule.tick, v_now, is_caught_up)
    on conflict do nothing;
    continue when not found;
    select added.o_id, added.o_status into job_id, fire_schedule.status
      from kongtask.add_tick_job(s, fire_schedule.tick, is_caught_up) as added;
    update kongtask.schedule_ticks t
       set job_id = fire_schedule.job_id, status = fire_schedule.status
     where t.schedule = s.name and t.tick = fire_schedule.tick;
    return next;
  end loop;
  update kongtask.schedules each
     set next_tick = p_following, last_tick = coalesce(fire_schedule.tick, each.last_tick)
   where each.name = s.name;
end
$$;

-- Refuses what adding its jobs would refuse, at each tick, when nobody looks.
create function kongtask.check_schedule_job(p_name text, p_job jsonb) returns void
language plpgsql
as $$
begin
  perform kongtask.kind_from(p_job);
exception when sqlstate 'KT001' then
  raise exception using errcode = 'KT001',
    message = regexp_replace(sqlerrm, ': ', format(': The schedule "%s": ', p_name));
end
$$;

-- A schedule as it is written: { name, expression, tz, catchUp, within, job, payload, nextTick }, and of what is declared also
-- { source, declared }. Whoever calls has checked it.
create function kongtask.write_schedule(p_definition jsonb, p_application text) returns kongtask.schedules
language plpgsql
as $$
declare
  d jsonb := p_definition;
  s kongtask.schedules;
begin
  insert into kongtask.schedules (
    name, source, application, declared, expression, tz, catch_up, within_ms, job, payload, next_tick, created_at, changed_at)
  values (
    d ->> 'name', coalesce(d ->> 'source', 'user'), p_application, d ->> 'declared', d ->> 'expression', d ->> 'tz',
    d ->> 'catchUp', (d ->> 'within')::float8, d -> 'job', d -> 'payload', (d ->> 'nextTick')::timestamptz, kongtask.clock(),
    kongtask.clock())
  on conflict (name) do nothing
  returning * into s;
  if found then
    perform kongtask.check_schedule_job(s.name, s.job);
  end if;
  return s;
end
$$;

-- The same for one that there is. What p_definition leaves out stays as it is. With the same timing, the next tick does too:
-- what was missed is then caught up.
create function kongtask.rewrite_schedule(p_name text, p_definition jsonb) returns kongtask.schedules
language plpgsql
as $$
declare
  d jsonb := p_definition;
  s kongtask.schedules;
begin
  update kongtask.schedules each
     set source = coalesce(d ->> 'source', each.source),
         declared = coalesce(d ->> 'declared', each.declared),
         expression = coalesce(d ->> 'expression', each.expression),
         tz = coalesce(d ->> 'tz', each.tz),
         catch_up = coalesce(d ->> 'catchUp', each.catch_up),
         within_ms = coalesce((d ->> 'within')::float8, each.within_ms),
         job = coalesce(d -> 'job', each.job),
         payload = coalesce(d -> 'payload', each.payload),
         next_tick = case when (coalesce(d ->> 'expression', each.expression), coalesce(d ->> 'tz', each.tz))
                               = (each.expression, each.tz) then each.next_tick
                          else (d ->> 'nextTick')::timestamptz end,
         revision = each.revision + 1,
         changed_at = kongtask.clock()
   where each.name = p_name
  returning * into s;
  if d ? 'job' then
    perform kongtask.check_schedule_job(s.name, s.job);
  end if;
  return s;
end
$$;

-- False where there is one of that name.
create function kongtask.create_schedule(p_definition jsonb, p_by text) returns bool
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  s kongtask.schedules := kongtask.write_schedule(p_definition - array['source', 'declared'], null);
begin
  if s.name is null then
    return false;
  end if;
  perform kongtask.note_change(s.name, p_by, 'created', null, kongtask.schedule_facts(s));
  return true;
end
$$;

-- False where it is not there in that revision any more.
create function kongtask.change_schedule(p_name text, p_revision int8, p_definition jsonb, p_by text) returns bool
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  s kongtask.schedules;
  v_new kongtask.schedules;
begin
  select * into s from kongtask.schedules each where each.name = p_name and each.revision = p_revision for update;
  if not found then
    return false;
  end if;
  v_new := kongtask.rewrite_schedule(p_name, p_definition - array['source', 'declared']);
  perform kongtask.note_change(
    p_name, p_by, 'changed', kongtask.schedule_facts(s), kongtask.schedule_facts(v_new));
  return true;
end
$$;

-- False where there is none. Pausing what is paused changes nothing.
create function kongtask.pause_schedule(p_name text, p_by text) returns bool
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  s kongtask.schedules;
begin
  select * into s from kongtask.schedules each where each.name = p_name for update;
  if not found then
    return false;
  elsif s.paused_at is null then
    update kongtask.schedules each
       set paused_at = kongtask.clock(), revision = each.revision + 1 where each.name = p_name;
    perform kongtask.note_change(p_name, p_by, 'paused', null, null);
  end if;
  return true;
end
$$;

-- p_next: the first tick from now on, for those of the pause were not missed. False where it is not there in that revision.
create function kongtask.resume_schedule(p_name text, p_revision int8, p_next timestamptz, p_by text) returns bool
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  update kongtask.schedules each
     set paused_at = null, next_tick = p_next, revision = each.revision + 1
   where each.name = p_name and each.revision = p_revision and each.paused_at is not null;
  if found then
    perform kongtask.note_change(p_name, p_by, 'resumed', null, null);
    return true;
  end if;
  return exists (select from kongtask.schedules each where each.name = p_name and each.revision = p_revision);
end
$$;

-- One that a living process declares would be there again with the next deploy: o_declared, and nothing is done.
create function kongtask.delete_schedule(p_name text, p_by text, out o_known bool, out o_declared bool)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  s kongtask.schedules;
begin
  select * into s from kongtask.schedules each where each.name = p_name for update;
  o_known := found;
  o_declared := o_known and exists (
    select from kongtask.workers w
     where w.rescued_at is null and w.expires_at > clock_timestamp()
       and w.info ->> 'application' = s.application and w.info ? 'generation');
  if o_known and not o_declared then
    delete from kongtask.schedules each where each.name = p_name;
    perform kongtask.note_change(p_name, p_by, 'deleted', kongtask.schedule_facts(s), null);
  end if;
end
$$;

-- Adds a job of it now, paused or not; its ticks go on as they would. No row: there is none of that name.
create function kongtask.run_schedule(p_name text, p_by text) returns table (job_id int8, status text)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  s kongtask.schedules;
begin
  select * into s from kongtask.schedules each where each.name = p_name;
  if not found then
    return;
  end if;
  select added.o_id, added.o_status into job_id, status
    from kongtask.add_tick_job(s, date_trunc('milliseconds', kongtask.clock()), false) as added;
  perform kongtask.note_change(p_name, p_by, 'ran', null, jsonb_build_object('job', job_id::text, 'status', status));
  return next;
end
$$;

-- What an application declares takes the place of what it declared before; what people made stays, and so do people's changes
-- to what code says as it said. p_definitions: an array, as write_schedule takes it. Returns what was done with which:
-- created, changed, deleted; kept: the name is somebody else's; superseded: another generation holds.
--
-- While a deploy goes on, old code and new code run at once, and a process of the old code may start again. So: of what
-- processes that are there declare, the generation that was seen first the latest holds (newest_generation). One that holds
-- already is declared again where schedules of it are missing: somebody deleted them, or has given back a name. Locks: the
-- application's set, then schedules in order.
create function kongtask.declare_schedules(p_application text, p_generation text, p_definitions jsonb, p_by text)
returns table (name text, done text)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_set kongtask.schedule_sets;
  d jsonb;
  s kongtask.schedules;
  v_new kongtask.schedules;
begin
  insert into kongtask.schedule_sets (application, generation, applied_at) values (p_application, '', kongtask.clock())
  on conflict do nothing;
  select * into v_set from kongtask.schedule_sets each where each.application = p_application for update;
  insert into kongtask.schedule_generations (application, generation, seen_at)
  values (p_application, p_generation, clock_timestamp())
  on conflict do nothing;
  if v_set.generation = p_generation
    and not exists (
          select from jsonb_array_elements(p_definitions) as wanted
           where not exists (select from kongtask.schedules each
                              where each.name = wanted ->> 'name' and each.application = p_application)) then
    return;
  end if;
  if exists (select from kongtask.schedule_generations mine, kongtask.schedule_generations newest
              where mine.application = p_application and mine.generation = p_generation
                and newest.application = p_application
                and newest.generation = kongtask.newest_generation(p_application) and newest.seen_at > mine.seen_at) then
    return query select null::text, 'superseded'::text;
    return;
  end if;
  update kongtask.schedule_sets each
     set generation = p_generation, applied_at = kongtask.clock() where each.application = p_application;

  for s in
    select * from kongtask.schedules each
     where each.application = p_application
       and not exists (select from jsonb_array_elements(p_definitions) as kept where kept ->> 'name' = each.name)
     order by each.name for update
  loop
    delete from kongtask.schedules each where each.name = s.name;
    perform kongtask.note_change(s.name, p_by, 'deleted', kongtask.schedule_facts(s), null);
    return query select s.name, 'deleted'::text;
  end loop;
  for d in select each from jsonb_array_elements(p_definitions) as each order by each ->> 'name' loop
    v_new := kongtask.write_schedule(d, p_application);
    if v_new.name is not null then
      perform kongtask.note_change(v_new.name, p_by, 'created', null, kongtask.schedule_facts(v_new));
      return query select v_new.name, 'created'::text;
      continue;
    end if;
    select * into s from kongtask.schedules each where each.name = d ->> 'name' for update;
    if s.application is distinct from p_application then
      return query select d ->> 'name', 'kept'::text;
    elsif s.declared is distinct from d ->> 'declared' then
      v_new := kongtask.rewrite_schedule(s.name, d);
      perform kongtask.note_change(
        s.name, p_by, 'changed', kongtask.schedule_facts(s), kongtask.schedule_facts(v_new));
      return query select s.name, 'changed'::text;
    end if;
  end loop;
end
$$;

-- Forgets ticks and changes that are older than this, up to p_limit of each. True: there may be more.
create function kongtask.prune_schedules(p_ticks_ms float8, p_changes_ms float8, p_limit int4) returns bool
language plpgsql
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
as $$
declare
  v_ticks int4;
  v_changes int4;
begin
  delete from kongtask.schedule_ticks t
   where t.ctid = any (array(
     select old.ctid from kongtask.schedule_ticks old
      where old.fired_at < kongtask.clock() - p_ticks_ms * interval '1 ms' order by old.fired_at limit p_limit));
  get diagnostics v_ticks = row_count;
  delete from kongtask.schedule_changes c
   where c.ctid = any (array(
     select old.ctid from kongtask.schedule_changes old
      where old.id in (select first.id from kongtask.schedule_changes first order by first.id limit p_limit)
        and old.at < kongtask.clock() - p_changes_ms * interval '1 ms'));
  get diagnostics v_changes = row_count;
  return v_ticks = p_limit or v_changes = p_limit;
end
$$;

select kongtask.renew_access();
