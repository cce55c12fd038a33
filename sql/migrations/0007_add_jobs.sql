-- Adding from SQL, triggers and other languages: the same options, checks and codes as in TypeScript. The signatures
-- never change.

-- One row.
create table kongtask.settings (
  -- Bytes of JSON that a payload added by add_job and add_jobs may have; clients have a setting of their own.
  max_payload int8 not null default 1048576 check (max_payload between 2 and 67108864)
);
create unique index settings_one on kongtask.settings ((true));
insert into kongtask.settings default values;

create function kongtask.check_payload(p_payload jsonb, p_limit int8) returns void
language plpgsql immutable
as $$
begin
  case kongtask.flaw_of(p_payload, p_limit)
    when 'deep' then
      perform kongtask.refuse('KT_PAYLOAD_NOT_JSON', 'The payload is nested deeper than 1000 levels.');
    when 'large' then
      perform kongtask.refuse('KT_PAYLOAD_TOO_LARGE', format('The payload is larger than %s bytes as JSON. Store the data elsewhere and pass a reference, or raise max_payload in the table settings.', p_limit));
    else
      null;
  end case;
end
$$;

-- jobs: an array of { task, payload?, ...options }. All or none. Returns a row per entry, in order.
create function kongtask.add_jobs(jobs jsonb)
returns table (ordinal int8, id text, status text)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_jobs alias for $1;
  v_limit int8 := (select s.max_payload from kongtask.settings s);
  v_flawed_at int8;
  v_at int8;
  v_entry jsonb;
  v_kinds jsonb;
  v_kind int4[];
  v_payloads jsonb;
begin
  if jsonb_typeof(v_jobs) is distinct from 'array' then
    perform kongtask.refuse('KT_ENTRY_INVALID', format('add_jobs takes an array of jobs, not %s.', kongtask.shown(v_jobs)));
  end if;

  -- The first entry that is wrong is the one that is named; what entries have in common is looked at once.
  begin
    select min(e.ord) - 1 into v_flawed_at
      from jsonb_array_elements(v_jobs) with ordinality as e (value, ord)
     where jsonb_typeof(e.value) = 'object' and e.value ? 'payload'
       and kongtask.flaw_of(e.value -> 'payload', v_limit) is not null;
    for v_entry, v_at in
      select s.spec, min(s.ord) - 1
        from (select case when jsonb_typeof(e.value) = 'object' then e.value - 'payload' else e.value end, e.ord
                from jsonb_array_elements(v_jobs) with ordinality as e (value, ord)) as s (spec, ord)
       group by s.spec order by 2
    loop
      exit when v_at > v_flawed_at;
      if jsonb_typeof(v_entry) <> 'object' then
        perform kongtask.refuse('KT_ENTRY_INVALID', format('an entry must be { task, payload, ...options }, not %s.', kongtask.shown(v_entry)));
      end if;
      perform kongtask.checked_name(v_entry -> 'task', 'task');
      perform kongtask.kind_of(
        null, coalesce((select t.defaults from kongtask.tasks t where t.name = v_entry ->> 'task'), '{}'),
        v_entry - 'task');
    end loop;
    if v_flawed_at is not null then
      v_at := v_flawed_at;
      perform kongtask.check_payload(v_jobs -> v_at::int4 -> 'payload', v_limit);
    end if;
  exception when sqlstate 'KT001' then
    raise exception using errcode = 'KT001',
      message = regexp_replace(sqlerrm, '^(KT_[A-Z_]+): ', '\1: add_jobs, entry ' || v_at || ': ');
  end;

  with entry as (
    select e.ord, coalesce(e.value -> 'payload', '{}') as payload, e.value - 'payload' as spec,
           dense_rank() over (order by e.value - 'payload')::int4 as kind
      from jsonb_array_elements(v_jobs) with ordinality as e (value, ord)
  )
  select (select jsonb_agg(jsonb_build_object('task', k.spec -> 'task', 'options', k.spec - 'task') order by k.kind)
            from (select distinct on (entry.kind) entry.kind, entry.spec from entry) as k),
         array_agg(entry.kind order by entry.ord),
         jsonb_agg(entry.payload order by entry.ord)
    into v_kinds, v_kind, v_payloads
    from entry;
  if v_payloads is not null then
    return query select * from kongtask.insert_jobs(v_kinds, v_kind, v_payloads);
  end if;
end
$$;

-- One job. status: added, skipped or replaced.
create function kongtask.add_job(task text, payload jsonb default '{}', options jsonb default '{}')
returns table (id text, status text)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_payload jsonb := coalesce($2, '{}');
  v_options jsonb := coalesce($3, '{}');
  v_limit int8 := (select s.max_payload from kongtask.settings s);
begin
  if kongtask.flaw_of(v_payload, v_limit) is not null then
    perform kongtask.checked_name(to_jsonb($1), 'task');
    perform kongtask.checked_options(v_options);
    perform kongtask.check_payload(v_payload, v_limit);
  end if;
  return query
    select j.id, j.status
      from kongtask.insert_jobs(
             jsonb_build_array(jsonb_build_object('task', $1, 'options', v_options)), null,
             jsonb_build_array(v_payload)) as j;
end
$$;
