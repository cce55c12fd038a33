-- Jobs that are over, partitioned by the day on which they expire, so that forgetting is dropping a table.

-- Completed and cancelled ones.

create table kongtask.history (
  id int8 not null,
  run_at timestamptz not null,
  created_at timestamptz not null,
  finished_at timestamptz not null,
  expires_at timestamptz not null,
  queue_id int4 not null,
  task_id int4 not null,
  priority int2 not null,
  attempt int2 not null,
  max_attempts int2 not null,
  crashes int2 not null,
  -- false: cancelled.
  completed bool not null,
  payload jsonb not null,
  extras jsonb,
  errors jsonb,
  result jsonb,
  -- Why a job was cancelled.
  reason text
) partition by range (expires_at);

create index history_id on kongtask.history (id);

-- For what expires before or after the days that there are (a clock may go back), and for everything should they run out.
create table kongtask.history_overflow (like kongtask.history);
create index history_overflow_id on kongtask.history_overflow (id);
create index history_overflow_expiry on kongtask.history_overflow (expires_at);

-- From where to where days exist without a gap. One row.
create table kongtask.history_horizon (since timestamptz not null, until timestamptz not null);
create unique index history_horizon_one on kongtask.history_horizon ((true));
insert into kongtask.history_horizon
select today, today from date_trunc('day', clock_timestamp(), 'UTC') as today;

-- Those that were given up.
create table kongtask.dead_letters (
  id int8 not null,
  run_at timestamptz not null,
  created_at timestamptz not null,
  -- Milliseconds: the list is paged by it, and a date of JavaScript's must say where a page ended.
  finished_at timestamptz(3) not null,
  -- 'infinity': it stays until it is redriven or purged.
  expires_at timestamptz not null,
  -- Which day it lies in: that on which it expires, 'infinity' where there is no such day.
  dropped_at timestamptz not null,
  queue_id int4 not null,
  task_id int4 not null,
  retain_s int4 not null,
  priority int2 not null,
  attempt int2 not null,
  max_attempts int2 not null,
  crashes int2 not null,
  -- 'attempts' (used up), 'permanent' (the handler or its payload's schema said so) or 'crashes' (bury_pill).
  reason text not null,
  payload jsonb not null,
  extras jsonb,
  errors jsonb
) partition by range (dropped_at);

create index dead_letters_id on kongtask.dead_letters (id);
create index dead_letters_recent on kongtask.dead_letters (finished_at, id);

-- Those that never expire, and those that do when there are no days yet: the latter are pruned.
create table kongtask.dead_letters_lasting partition of kongtask.dead_letters for values from ('infinity') to (maxvalue);
create index dead_letters_lasting_expiry on kongtask.dead_letters_lasting (expires_at) where expires_at < 'infinity';

create table kongtask.dead_letters_horizon (since timestamptz not null, until timestamptz not null);
create unique index dead_letters_horizon_one on kongtask.dead_letters_horizon ((true));
insert into kongtask.dead_letters_horizon
select today, today from date_trunc('day', clock_timestamp(), 'UTC') as today;

-- Every table that is partitioned by the day on which its rows expire. Beside each stands `<name>_horizon`, as above, and
-- its days are called `<name>_YYYYMMDD`.
create function kongtask.daily_tables() returns text[]
language sql immutable
return array['history', 'dead_letters'];

-- Adds the days of such a table that are missing up to 35 days from now: enough for what is kept for a month. A new day is
-- created apart and then attached, which locks out no insert; CREATE TABLE … PARTITION OF would.
create function kongtask.extend_days(p_table text) returns int4
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_today timestamptz := date_trunc('day', kongtask.clock(), 'UTC');
  v_day timestamptz;
  v_name text;
  v_added int4 := 0;
begin
  -- Reading first keeps the common case free of locks.
  execute format('select until from kongtask.%I', p_table || '_horizon') into v_day;
  if v_day > v_today + interval '35 days' then
    return 0;
  end if;
  execute format('select greatest(until, $1) from kongtask.%I for update', p_table || '_horizon') into v_day using v_today;
  while v_day <= v_today + interval '35 days' loop
    v_name := p_table || '_' || to_char(v_day at time zone 'UTC', 'YYYYMMDD');
    execute format('create table kongtask.%I (like kongtask.%I including defaults including constraints)', v_name, p_table);
    execute format(
      'alter table kongtask.%I attach partition kongtask.%I for values from (%L) to (%L)',
      p_table, v_name, v_day, v_day + interval '1 day');
    v_day := v_day + interval '1 day';
    v_added := v_added + 1;
  end loop;
  execute format(
    'update kongtask.%I set since = case when until < $2 then $2 else since end, until = $1', p_table || '_horizon')
    using v_day, v_today;
  return v_added;
end
$$;

-- Nothing goes into the days up to this one any more, which are about to be taken out.
create function kongtask.withdraw_day(p_table text, p_day date) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  execute format('update kongtask.%I set since = greatest(since, $1)', p_table || '_horizon')
    using (p_day + 1)::timestamp at time zone 'UTC';
end
$$;

select kongtask.extend_days('history');
select kongtask.extend_days('dead_letters');
