-- Completed and cancelled jobs, partitioned by the day on which they expire, so that forgetting is dropping a table.

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

-- For what expires later than there are days, and for everything should the days run out.
create table kongtask.history_overflow (like kongtask.history);
create index history_overflow_id on kongtask.history_overflow (id);
create index history_overflow_expiry on kongtask.history_overflow (expires_at);

-- Up to where days exist without a gap. One row.
create table kongtask.history_horizon (until timestamptz not null);
create unique index history_horizon_one on kongtask.history_horizon ((true));
insert into kongtask.history_horizon values (date_trunc('day', clock_timestamp(), 'UTC'));

-- Adds the days that are missing up to a fortnight from now. A new day is created apart and then attached, which
-- locks out no insert; CREATE TABLE … PARTITION OF would.
create function kongtask.extend_history() returns int4
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
  if (select until from kongtask.history_horizon) > v_today + interval '14 days' then
    return 0;
  end if;
  select greatest(until, v_today) into v_day from kongtask.history_horizon for update;
  while v_day <= v_today + interval '14 days' loop
    v_name := 'history_' || to_char(v_day at time zone 'UTC', 'YYYYMMDD');
    execute format('create table kongtask.%I (like kongtask.history including defaults including constraints)', v_name);
    execute format(
      'alter table kongtask.history attach partition kongtask.%I for values from (%L) to (%L)',
      v_name, v_day, v_day + interval '1 day');
    v_day := v_day + interval '1 day';
    v_added := v_added + 1;
  end loop;
  update kongtask.history_horizon set until = v_day;
  return v_added;
end
$$;

select kongtask.extend_history();
