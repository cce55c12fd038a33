-- The options of a job, checked and merged with its task's defaults. One grammar for TypeScript and SQL: durations are
-- milliseconds or '1h30m', times are ISO 8601 with an offset. What is refused is raised with SQLSTATE KT001 and a
-- message that begins with the code of docs/errors.md.

create function kongtask.refuse(p_code text, p_message text) returns void
language plpgsql
as $$
begin
  raise exception using errcode = 'KT001', message = p_code || ': ' || p_message;
end
$$;

-- A value as a message shows it, cut short. What is inside of objects stays out of messages: it may be secret.
create function kongtask.shown(p_value jsonb) returns text
language sql immutable
return case when p_value is null then 'nothing'
            when jsonb_typeof(p_value) = 'object' then 'an object'
            when jsonb_typeof(p_value) = 'array' then 'an array of ' || jsonb_array_length(p_value)
            when length(p_value::text) > 62 then left(p_value::text, 61) || '…' || right(left(p_value::text, 1), 1)
            else p_value::text end;

-- A number of JSON as JavaScript reads it.
create function kongtask.js_number(p_value jsonb) returns float8
language plpgsql immutable
as $$
declare
  v_exact numeric := (p_value #>> '{}')::numeric;
begin
  return case when abs(v_exact) > 1.797693134862315807e308 then sign(v_exact)::float8 * float8 'infinity'
              when abs(v_exact) < 2.4703282292062328e-324 then 0
              else v_exact::float8 end;
end
$$;

-- Bytes of the value as JSON text without spaces, with numbers as JavaScript writes them: jsonb prints 1e300 in full.
-- Goes by the printed text, because values may be nested deeper than functions.
create function kongtask.json_size(p_value jsonb) returns int8
language plpgsql immutable
as $$
declare
  v_printed text := p_value::text;
  v_bare text := regexp_replace(v_printed, '"(?:[^"\\]|\\.)*"', '', 'g');
  v_size int8 := octet_length(v_printed) - (length(v_bare) - length(replace(v_bare, ' ', '')));
  v_number text;
begin
  for v_number in
    select m.match[1]
      from regexp_matches(v_bare, '(?<![0-9.])(?:[0-9]{22,}(?:\.[0-9]+)?|0\.000000[0-9]+)', 'g') as m (match)
  loop
    if v_number::numeric between 2.4703282292062328e-324 and 1.797693134862315807e308 then
      v_size := v_size - length(v_number) + length(regexp_replace(v_number::float8::text, 'e-0', 'e-'));
    end if;
  end loop;
  return v_size;
end
$$;

-- What keeps a value from being stored: 'deep', nested in more than 1000 levels, or 'large', more bytes than p_limit.
-- Null for nothing.
create function kongtask.flaw_of(p_value jsonb, p_limit int8) returns text
language plpgsql immutable
as $$
declare
  v_printed int8 := octet_length(p_value::text);
begin
  -- Nearly always; printed text is never shorter, and each level takes two characters.
  if v_printed <= least(p_limit, 2000) then
    return null;
  end if;
  if v_printed > 2000
    and length(p_value::text) - length(translate(p_value::text, '[{', '')) > 1000
    and jsonb_path_exists(p_value, 'strict $.**{1000} ? (@.type() == "array" || @.type() == "object")') then
    return 'deep';
  end if;
  return case when v_printed > p_limit and kongtask.json_size(p_value) > p_limit then 'large' end;
end
$$;

-- Equal values have equal text: jsonb sorts keys, but keeps the zeros of 1.0.
create function kongtask.canonical(p_value jsonb) returns text
language plpgsql immutable
as $$
begin
  if p_value::text !~ '\.[0-9]*0([^0-9]|$)' then
    return p_value::text;
  end if;
  return (
    select string_agg(
             case when left(piece.match[1], 1) = '"' then piece.match[1]
                  else regexp_replace(regexp_replace(
                         piece.match[1], '(\.[0-9]*[1-9])0+(?![0-9])', '\1', 'g'), '\.0+(?![0-9])', '', 'g') end,
             '' order by piece.ord)
      from regexp_matches(p_value::text, '"(?:[^"\\]|\\.)*"|[^"]+', 'g') with ordinality as piece (match, ord));
end
$$;

-- The key that uniqueFor makes of a payload.
create function kongtask.derived_key(p_payload jsonb) returns text
language sql immutable
return 'sha256:' || encode(sha256(convert_to(kongtask.canonical(p_payload), 'UTF8')), 'hex');

-- The same of a job as it is added. A sealed payload, of which equal ones look different, brings its key along.
create function kongtask.payload_key(p_payload jsonb, p_extras jsonb) returns text
language sql immutable
return case when p_extras ? 'encryptionKey' then p_payload ->> 'same' else kongtask.derived_key(p_payload) end;

-- Milliseconds. A hundred years is the longest.
create function kongtask.duration_ms(p_value jsonb, p_option text, p_positive bool) returns float8
language plpgsql immutable
as $$
declare
  v_text text := p_value #>> '{}';
  v_ms float8 := 0;
  v_part text[];
begin
  if jsonb_typeof(p_value) = 'number' then
    v_ms := kongtask.js_number(p_value);
  elsif jsonb_typeof(p_value) = 'string' and length(v_text) <= 100 and v_text ~ '^([0-9]+(\.[0-9]+)?(ms|s|m|h|d|w))+$' then
    for v_part in select regexp_matches(v_text, '([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d|w)', 'g') loop
      v_ms := v_ms + v_part[1]::float8 * case v_part[2]
        when 'ms' then 1 when 's' then 1000 when 'm' then 60000 when 'h' then 3600000 when 'd' then 86400000
        else 604800000 end;
    end loop;
  else
    perform kongtask.refuse('KT_DURATION_INVALID', format('`%s`: %s is not a duration. Give milliseconds, or a string like ''90s'', ''10m'' or ''1h30m''.', p_option, kongtask.shown(p_value)));
  end if;
  if v_ms < 0 then
    perform kongtask.refuse('KT_DURATION_INVALID', format('`%s`: %s is negative.', p_option, kongtask.shown(p_value)));
  elsif v_ms > 3155760000000 then
    perform kongtask.refuse('KT_DURATION_INVALID', format('`%s`: %s is longer than 100 years.', p_option, kongtask.shown(p_value)));
  end if;
  -- As JavaScript rounds.
  v_ms := floor(v_ms) + case when v_ms - floor(v_ms) >= 0.5 then 1 else 0 end;
  if p_positive and v_ms = 0 then
    perform kongtask.refuse('KT_DURATION_INVALID', format('`%s`: %s must be longer than zero.', p_option, kongtask.shown(p_value)));
  end if;
  return v_ms;
end
$$;

-- A point in time in UTC, to the millisecond, as JavaScript writes it.
create function kongtask.instant(p_value jsonb, p_option text) returns text
language plpgsql stable
as $$
declare
  v_text text := p_value #>> '{}';
  v_at timestamptz;
begin
  if jsonb_typeof(p_value) = 'string' and v_text ~* ('^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]([01][0-9]|2[0-3]):[0-5][0-9]'
       || '(:[0-5][0-9]([.,][0-9]{1,9})?)?(Z|[+-](0[0-9]|1[0-5])(:?[0-5][0-9])?)$') then
    begin
      -- PostgreSQL would round what is finer than a microsecond.
      v_at := regexp_replace(v_text, '[.,]([0-9]{1,3})[0-9]*', '.\1')::timestamptz;
    exception when data_exception then
      null;
    end;
  end if;
  if v_at is null or v_at < '0001-01-01T00:00Z' or v_at >= '10000-01-01T00:00Z' then
    perform kongtask.refuse('KT_DATE_INVALID', format('`%s`: %s is not a point in time. Give an ISO string with an offset, like ''2026-09-01T08:00:00Z'', of the years 1 to 9999.', p_option, kongtask.shown(p_value)));
  end if;
  return to_char(v_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');
end
$$;

create function kongtask.checked_name(p_value jsonb, p_kind text) returns text
language plpgsql immutable
as $$
begin
  if jsonb_typeof(p_value) = 'string' and p_value #>> '{}' ~ '^[A-Za-z0-9_.:/-]{1,128}$' then
    return p_value #>> '{}';
  end if;
  if p_kind = 'task' and jsonb_typeof(p_value) is distinct from 'string' then
    perform kongtask.refuse('KT_TASK_INVALID', format('The task must be the name of one, not %s.', kongtask.shown(p_value)));
  end if;
  perform kongtask.refuse('KT_NAME_INVALID', format('%s is not a %s name. Use 1 to 128 letters, digits and _ . : / - (no spaces).', kongtask.shown(p_value), p_kind));
end
$$;

create function kongtask.checked_key(p_value jsonb, p_option text) returns text
language plpgsql immutable
as $$
begin
  if jsonb_typeof(p_value) = 'string' and octet_length(p_value #>> '{}') between 1 and 512 then
    return p_value #>> '{}';
  end if;
  perform kongtask.refuse('KT_OPTION_INVALID', format('`%s` must be text of 1 to 512 bytes, not %s.', p_option, kongtask.shown(p_value)));
end
$$;

create function kongtask.checked_integer(p_value jsonb, p_option text, p_least int4, p_most int4) returns int4
language plpgsql immutable
as $$
declare
  v_number float8;
begin
  if jsonb_typeof(p_value) = 'number' then
    v_number := kongtask.js_number(p_value);
    if v_number between p_least and p_most and v_number = floor(v_number) then
      return v_number;
    end if;
  end if;
  perform kongtask.refuse('KT_OPTION_INVALID', format('`%s` must be a whole number from %s to %s, not %s.', p_option, p_least, p_most, kongtask.shown(p_value)));
end
$$;

-- Where something stands in a payload: names with dots between them.
create function kongtask.checked_path(p_value jsonb, p_option text) returns text
language plpgsql immutable
as $$
begin
  if '' = any (string_to_array(kongtask.checked_key(p_value, p_option), '.')) then
    perform kongtask.refuse('KT_OPTION_INVALID', format('`%s` must be a path like ''customer.id'', with a name between the dots, not %s.', p_option, kongtask.shown(p_value)));
  end if;
  return p_value #>> '{}';
end
$$;

-- A limit in its normal form. p_members: what it may say; `per`, where it may, must be said.
create function kongtask.checked_limit(p_value jsonb, p_option text, p_members text[]) returns jsonb
language plpgsql immutable
as $$
declare
  v_is_rate bool := 'per' = any (p_members);
  v_most int4 := case when v_is_rate then 1000000 else 100000 end;
  v_member text;
  v_checked jsonb;
begin
  if jsonb_typeof(p_value) = 'number' and not v_is_rate then
    return jsonb_build_object('limit', kongtask.checked_integer(p_value, p_option, 1, v_most));
  elsif jsonb_typeof(p_value) is distinct from 'object' then
    perform kongtask.refuse('KT_OPTION_INVALID', format('`%s` must be %s, not %s.', p_option, case when v_is_rate then 'an object with `limit` and `per`' else 'a whole number, or an object with `limit`' end, kongtask.shown(p_value)));
  end if;
  select member into v_member from jsonb_object_keys(p_value) as member where member <> all (p_members) limit 1;
  if found then
    perform kongtask.refuse('KT_OPTION_UNKNOWN', format('`%s`: there is no option %s. Known options: %s.', p_option, kongtask.shown(to_jsonb(v_member)), array_to_string(p_members, ', ')));
  end if;
  -- In this order, as TypeScript does.
  v_checked := jsonb_build_object('limit', kongtask.checked_integer(p_value -> 'limit', p_option || '.limit', 1, v_most));
  if v_is_rate then
    v_checked := v_checked || jsonb_build_object('per', kongtask.duration_ms(p_value -> 'per', p_option || '.per', true));
  end if;
  if p_value ? 'burst' then
    v_checked := v_checked || jsonb_build_object('burst', kongtask.checked_integer(p_value -> 'burst', p_option || '.burst', 1, v_most));
  end if;
  if p_value ? 'key' then
    v_checked := v_checked || jsonb_build_object('key', kongtask.checked_key(p_value -> 'key', p_option || '.key'));
  end if;
  if p_value ? 'by' then
    v_checked := v_checked || jsonb_build_object('by', kongtask.checked_path(p_value -> 'by', p_option || '.by'));
  end if;
  if p_value ? 'key' and p_value ? 'by' then
    perform kongtask.refuse('KT_OPTION_INVALID', format('`%s`: give `key` or `by`, not both.', p_option));
  end if;
  return v_checked;
end
$$;

-- How long things are kept, in its normal form: { finished?, dead?, logs? }.
create function kongtask.checked_retention(p_value jsonb) returns jsonb
language plpgsql immutable
as $$
declare
  v_member text;
  v_checked jsonb := '{}';
begin
  if jsonb_typeof(p_value) <> 'object' then
    return jsonb_build_object('finished', kongtask.checked_time_to_keep(p_value, 'retain', false));
  end if;
  select member into v_member from jsonb_object_keys(p_value) as member where member not in ('finished', 'dead', 'logs') limit 1;
  if found then
    perform kongtask.refuse('KT_OPTION_UNKNOWN', format('`retain`: there is no option %s. Known options: finished, dead, logs.', kongtask.shown(to_jsonb(v_member))));
  end if;
  -- In this order, as TypeScript does.
  if p_value ? 'finished' then
    v_checked := jsonb_build_object('finished', kongtask.checked_time_to_keep(p_value -> 'finished', 'retain.finished', false));
  end if;
  if p_value ? 'dead' then
    v_checked := v_checked || jsonb_build_object('dead', kongtask.duration_ms(p_value -> 'dead', 'retain.dead', true));
  end if;
  if p_value ? 'logs' then
    v_checked := v_checked || jsonb_build_object('logs', kongtask.checked_time_to_keep(p_value -> 'logs', 'retain.logs', true));
  end if;
  return v_checked;
end
$$;

-- Milliseconds, or false for not at all.
create function kongtask.checked_time_to_keep(p_value jsonb, p_option text, p_positive bool) returns jsonb
language plpgsql immutable
as $$
begin
  return case when p_value = 'false' then p_value else to_jsonb(kongtask.duration_ms(p_value, p_option, p_positive)) end;
end
$$;

-- Tags and flags.
create function kongtask.checked_labels(p_value jsonb, p_option text) returns jsonb
language plpgsql immutable
as $$
declare
  v_wrong jsonb;
begin
  if jsonb_typeof(p_value) <> 'array' then
    perform kongtask.refuse('KT_OPTION_INVALID', format('`%s` must be an array of strings, not %s.', p_option, kongtask.shown(p_value)));
  elsif jsonb_array_length(p_value) > 32 then
    perform kongtask.refuse('KT_OPTION_INVALID', format('`%s` may hold at most 32 entries, not %s.', p_option, jsonb_array_length(p_value)));
  end if;
  select label into v_wrong from jsonb_array_elements(p_value) as label
   where jsonb_typeof(label) <> 'string' or length(label #>> '{}') not between 1 and 100 limit 1;
  if found then
    perform kongtask.refuse('KT_NAME_INVALID', format('`%s`: %s is not text of 1 to 100 characters.', p_option, kongtask.shown(v_wrong)));
  end if;
  return p_value;
end
$$;

-- The options as they are stored and merged: durations in milliseconds, times in UTC.
create function kongtask.checked_options(p_options jsonb) returns jsonb
language plpgsql stable
as $$
declare
  v_option text;
  v_value jsonb;
  v_checked jsonb := '{}';
begin
  if jsonb_typeof(p_options) is distinct from 'object' then
    perform kongtask.refuse('KT_OPTION_INVALID', format('The options must be an object, not %s.', kongtask.shown(p_options)));
  end if;
  -- Names before values, as TypeScript does.
  select key into v_option from jsonb_each(p_options)
   where key <> all ('{scheduledIn,scheduledAt,queue,maxAttempts,priority,tags,timeout,retain,metadata,uniqueKey,uniqueFor,onConflict,serialKey,concurrency,rateLimit,flags,version}')
   limit 1;
  if found then
    perform kongtask.refuse('KT_OPTION_UNKNOWN', format('There is no option %s. Known options: scheduledIn, scheduledAt, queue, maxAttempts, priority, tags, timeout, retain, metadata, uniqueKey, uniqueFor, onConflict, serialKey, concurrency, rateLimit, flags, version.', kongtask.shown(to_jsonb(v_option))));
  end if;
  for v_option, v_value in select key, value from jsonb_each(p_options) loop
    case v_option
      when 'scheduledIn' then
        v_value := to_jsonb(kongtask.duration_ms(v_value, v_option, false));
      when 'scheduledAt' then
        v_value := to_jsonb(kongtask.instant(v_value, v_option));
      when 'queue' then
        perform kongtask.checked_name(v_value, 'queue');
      when 'maxAttempts' then
        v_value := to_jsonb(kongtask.checked_integer(v_value, v_option, 1, 32767));
      when 'priority' then
        v_value := to_jsonb(kongtask.checked_integer(v_value, v_option, 0, 15));
      when 'version' then
        -- The first is what a job has that says nothing.
        continue when kongtask.checked_integer(v_value, v_option, 1, 2147483647) = 1;
      when 'timeout', 'uniqueFor' then
        v_value := to_jsonb(kongtask.duration_ms(v_value, v_option, true));
      when 'retain' then
        v_value := kongtask.checked_retention(v_value);
      when 'uniqueKey', 'serialKey' then
        perform kongtask.checked_key(v_value, v_option);
      when 'concurrency' then
        v_value := kongtask.checked_limit(v_value, v_option, '{limit,key,by}');
      when 'rateLimit' then
        v_value := kongtask.checked_limit(v_value, v_option, '{limit,per,burst,key,by}');
      when 'onConflict' then
        if v_value not in ('"skip"', '"replace"', '"keep_schedule"') then
          perform kongtask.refuse('KT_OPTION_INVALID', format('`onConflict` must be "skip", "replace" or "keep_schedule", not %s.', kongtask.shown(v_value)));
        end if;
      when 'tags', 'flags' then
        perform kongtask.checked_labels(v_value, v_option);
      when 'metadata' then
        if jsonb_typeof(v_value) <> 'object' then
          perform kongtask.refuse('KT_OPTION_INVALID', format('`metadata` must be an object, not %s.', kongtask.shown(v_value)));
        end if;
        case kongtask.flaw_of(v_value, 16384)
          when 'deep' then
            perform kongtask.refuse('KT_OPTION_INVALID', '`metadata` is nested deeper than 1000 levels.');
          when 'large' then
            perform kongtask.refuse('KT_OPTION_INVALID', '`metadata` may be at most 16384 bytes as JSON.');
          else
            null;
        end case;
    end case;
    v_checked := v_checked || jsonb_build_object(v_option, v_value);
  end loop;
  if v_checked ? 'scheduledIn' and v_checked ? 'scheduledAt' then
    perform kongtask.refuse('KT_OPTION_INVALID', 'Give `scheduledIn` or `scheduledAt`, not both.');
  end if;
  return v_checked;
end
$$;

-- What all jobs of one call with the same task and the same options have in common.
create type kongtask.kind as (
  task_id int4,
  queue_id int4,
  queue text,
  priority int2,
  max_attempts int2,
  retain_s int4,
  delay interval,
  due_at timestamptz,
  is_unique bool,
  -- Null where the key is derived from the payload.
  unique_key text,
  unique_for interval,
  on_conflict text,
  serial_key text,
  -- It has limits over all processes, of its own or of its task's.
  is_limited bool,
  extras jsonb
);

-- p_defaults: the task's; what is in neither comes from here. queue_id is for the caller to fill in.
create function kongtask.kind_of(p_task_id int4, p_defaults jsonb, p_options jsonb) returns kongtask.kind
language plpgsql stable
as $$
declare
  v_kind kongtask.kind;
  o jsonb := p_options;
begin
  v_kind.task_id := p_task_id;
  v_kind.on_conflict := 'skip';
  if p_options <> '{}' then
    o := kongtask.checked_options(p_options);
  end if;
  if p_defaults <> '{}' then
    -- Of what is said about keeping, each member counts by itself.
    if p_defaults ? 'retain' and o ? 'retain' then
      o := jsonb_set(o, '{retain}', (p_defaults -> 'retain') || (o -> 'retain'));
    end if;
    o := case when o ? 'scheduledAt' then p_defaults - 'scheduledIn' else p_defaults end || o;
  end if;
  if o = '{}' then
    v_kind.queue := 'default';
    v_kind.priority := 1;
    v_kind.max_attempts := 25;
    v_kind.retain_s := 86400;
    v_kind.is_unique := false;
    v_kind.is_limited := false;
    return v_kind;
  end if;
  v_kind.queue := coalesce(o ->> 'queue', 'default');
  v_kind.priority := coalesce((o ->> 'priority')::int2, 1::int2);
  v_kind.max_attempts := coalesce((o ->> 'maxAttempts')::int2, 25::int2);
  v_kind.retain_s := case when o #> '{retain,finished}' = 'false' then 0
                          else least(ceil(coalesce((o #>> '{retain,finished}')::float8, 86400000) / 1000), 2147483647) end;
  v_kind.delay := (o ->> 'scheduledIn')::float8 * interval '1 ms';
  v_kind.due_at := (o ->> 'scheduledAt')::timestamptz;
  v_kind.unique_key := o ->> 'uniqueKey';
  v_kind.unique_for := (o ->> 'uniqueFor')::float8 * interval '1 ms';
  v_kind.is_unique := v_kind.unique_key is not null or v_kind.unique_for is not null;
  v_kind.on_conflict := coalesce(o ->> 'onConflict', 'skip');
  v_kind.serial_key := o ->> 'serialKey';
  v_kind.is_limited := o ? 'concurrency' or o ? 'rateLimit';
  if p_options ? 'onConflict' and not v_kind.is_unique then
    perform kongtask.refuse('KT_OPTION_INVALID', '`onConflict` says what to do about a key; give `uniqueKey` or `uniqueFor` too.');
  end if;
  -- What only readers and the worker look at, under the names that it has outside.
  v_kind.extras := o - array[
    'queue', 'priority', 'maxAttempts', 'scheduledIn', 'scheduledAt', 'uniqueFor', 'onConflict'];
  if o ? 'retain' then
    v_kind.extras := v_kind.extras #- '{retain,finished}';
    if v_kind.extras -> 'retain' = '{}' then
      v_kind.extras := v_kind.extras - 'retain';
    end if;
  end if;
  v_kind.extras := nullif(v_kind.extras, '{}');
  return v_kind;
end
$$;

-- What a limit is about, as its gate is called: a task's jobs, or those with a key. Text of a payload is the key as it is,
-- so that `by` and `key` can mean the same jobs; all else, and nothing (null), is its JSON text. What is longer than a key
-- may be is hashed: it stands in indexes.
create function kongtask.scope_of(p_limit jsonb, p_task_id int4, p_payload jsonb) returns text
language plpgsql immutable
as $$
declare
  v_value jsonb;
  v_key text;
begin
  if p_limit ? 'by' then
    v_value := coalesce(p_payload #> string_to_array(p_limit ->> 'by', '.'), 'null');
    v_key := case when jsonb_typeof(v_value) = 'string' then v_value #>> '{}' else kongtask.canonical(v_value) end;
    return 'key:' || case when octet_length(v_key) > 512 then kongtask.derived_key(v_value) else v_key end;
  elsif p_limit ? 'key' then
    return 'key:' || (p_limit ->> 'key');
  end if;
  return 'task:' || p_task_id;
end
$$;

-- The limits over all processes that a job is under, concurrency first: [{ gate, limit }, { gate, limit, per (ms), burst }].
-- Null for none.
create function kongtask.limits_of(p_extras jsonb, p_task_id int4, p_payload jsonb) returns jsonb
language plpgsql immutable
as $$
declare
  v_concurrency jsonb := p_extras -> 'concurrency';
  v_rate jsonb := p_extras -> 'rateLimit';
  v_limits jsonb := '[]';
begin
  if v_concurrency is null and v_rate is null then
    return null;
  end if;
  if v_concurrency is not null then
    v_limits := v_limits || jsonb_build_object(
      'gate', 'concurrency:' || kongtask.scope_of(v_concurrency, p_task_id, p_payload), 'limit', v_concurrency -> 'limit');
  end if;
  if v_rate is not null then
    v_limits := v_limits || jsonb_build_object(
      'gate', 'rate:' || kongtask.scope_of(v_rate, p_task_id, p_payload), 'limit', v_rate -> 'limit',
      'per', v_rate -> 'per', 'burst', coalesce(v_rate -> 'burst', '1'));
  end if;
  return v_limits;
end
$$;
