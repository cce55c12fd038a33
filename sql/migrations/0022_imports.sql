-- What comes from elsewhere, from another job system, another database, or a file; and what goes there.

-- A row is the constraint that nothing is brought twice, also when the job that came of it is long over. Kept for good:
-- whoever has moved may delete them.
create table kongtask.imports (
  -- Where from: which system, which database, which schema.
  source text not null,
  -- What it is called there.
  key text not null,
  job_id int8,
  at timestamptz not null,
  primary key (source, key)
);

-- Adds jobs that have lived elsewhere. p_kinds, p_kind and p_payloads: as insert_jobs takes them. p_facts: an array, for each
-- payload { key?, attempt?, createdAt?, error? { at, name, message } }. Returns a row per payload. status: added; imported:
-- one with this key was added before, and what it is here is the id; skipped: a job has its unique key, and is the id.
-- Whoever brings the same at the same time waits here for the other.
create function kongtask.import_jobs(p_source text, p_kinds jsonb, p_kind int4[], p_payloads jsonb, p_facts jsonb)
returns table (ordinal int8, id text, status text)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_now timestamptz := kongtask.clock();
  v_new int4[];
  v_ids int8[];
  v_statuses text[];
  v_job record;
begin
  with entry as materialized (
    select e.ord, e.fact ->> 'key' as key, row_number() over (partition by e.fact ->> 'key' order by e.ord) as nth
      from jsonb_array_elements(p_facts) with ordinality as e (fact, ord)
  ),
  taken as (
    insert into kongtask.imports (source, key, at)
    select p_source, e.key, v_now
      from entry e
     where e.key is not null and e.nth = 1
     order by e.key collate "C"
    on conflict do nothing
    returning imports.key
  )
  select array_agg(e.ord::int4 order by e.ord) into v_new
    from entry e
   where e.key is null or e.nth = 1 and e.key in (select taken.key from taken);

  if v_new is not null then
    select array_agg(added.id::int8 order by added.ordinal), array_agg(added.status order by added.ordinal)
      into v_ids, v_statuses
      from kongtask.insert_jobs(
             p_kinds, case when p_kind is not null then array(select p_kind[n] from unnest(v_new) as n) end,
             (select jsonb_agg(p_payloads -> (n - 1) order by n) from unnest(v_new) as n)) as added;

    -- What adding does not know. Nobody else sees these jobs yet.
    for v_job in
      select f.place, new.fact
        from (select added.id, p_facts -> (added.n - 1) as fact
                from unnest(v_new, v_ids, v_statuses) as added (n, id, status)
               where added.status = 'added') as new
        join kongtask.find_places(v_ids, null) as f on f.id = new.id
       where new.fact ?| '{attempt,createdAt,error}'
    loop
      update kongtask.jobs j
         set attempt = coalesce((v_job.fact ->> 'attempt')::int2, j.attempt),
             created_at = least(coalesce((v_job.fact ->> 'createdAt')::timestamptz, j.created_at), j.created_at),
             errors = case when v_job.fact ? 'error'
                           then jsonb_build_array(jsonb_build_object('attempt', coalesce(v_job.fact -> 'attempt', '1'))
                                                  || (v_job.fact -> 'error')) end
       where j.ctid = v_job.place;
    end loop;

    update kongtask.imports i
       set job_id = added.id
      from unnest(v_new, v_ids, v_statuses) as added (n, id, status)
     where i.source = p_source and i.key = p_facts -> (added.n - 1) ->> 'key' and added.status = 'added';
    -- These have not come: they may when that other job is over.
    delete from kongtask.imports i
     using unnest(v_new, v_statuses) as added (n, status)
     where i.source = p_source and i.key = p_facts -> (added.n - 1) ->> 'key' and added.status <> 'added';
  end if;

  return query
    select e.ord, coalesce(added.id, i.job_id)::text, coalesce(added.status, 'imported')
      from jsonb_array_elements(p_facts) with ordinality as e (fact, ord)
      left join unnest(v_new, v_ids, v_statuses) as added (n, id, status) on added.n = e.ord
      left join kongtask.imports i on added.n is null and i.source = p_source and i.key = e.fact ->> 'key'
     order by e.ord;
end
$$;

-- A page of live jobs that fit, behind a queue and an id (0 and 0: from the start), queue by queue, in the order in which they
-- were added: p_limit of them, and of payloads p_most_text bytes, the last of which may go beyond. Locks nothing. Index:
-- jobs_pkey.
create function kongtask.export_live_jobs(
  p_filter jsonb, p_after_queue int4, p_after_id int8, p_limit int4, p_most_text int4)
returns table (
  queue_id int4, id int8, task text, queue text, payload text, state text, attempt int2, max_attempts int2, priority int2,
  run_at timestamptz, created_at timestamptz, retain_s int4, extras jsonb, errors jsonb)
language plpgsql stable
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
set enable_hashjoin = off
set enable_mergejoin = off
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  f kongtask.job_filter := kongtask.filter_of(p_filter);
  v_now timestamptz := kongtask.clock();
begin
  return query
    with page as materialized (
      select j.queue_id, j.id, t.name as task, q.name as queue, j.payload::text as payload, s.state, j.attempt, j.max_attempts,
             (j.lane & 15)::int2 as priority, j.run_at, j.created_at, j.retain_s, j.extras, j.errors
        from kongtask.jobs j
       cross join lateral (
              select case when j.worker <> 0 then 'running' when j.run_at > v_now then 'scheduled' else 'ready' end) as s (state)
        join kongtask.tasks t on t.id = j.task_id
        join kongtask.queues q on q.id = j.queue_id
       where (j.queue_id, j.id) > (p_after_queue, p_after_id)
         and kongtask.job_matches(
               f, s.state, j.task_id, j.queue_id, j.created_at, j.run_at, null, j.extras, j.errors)
       order by j.queue_id, j.id
       limit p_limit
    )
    select p.queue_id, p.id, p.task, p.queue, p.payload, p.state, p.attempt, p.max_attempts, p.priority, p.run_at, p.created_at,
           p.retain_s, p.extras, p.errors
      from (select page.*,
                   coalesce(sum(octet_length(page.payload)) over (
                     order by page.queue_id, page.id rows between unbounded preceding and 1 preceding), 0) as text_before
              from page) as p
     where p.text_before < p_most_text
     order by p.queue_id, p.id;
end
$$;

-- The same of jobs that are over, behind an id (0: from the start), in the order in which they were added: dead letters,
-- history, or both. Indexes: dead_letters_id and history_id of each day.
create function kongtask.export_ended_jobs(
  p_filter jsonb, p_dead bool, p_kept bool, p_after_id int8, p_limit int4, p_most_text int4)
returns table (
  id int8, task text, queue text, payload text, state text, attempt int2, max_attempts int2, priority int2, run_at timestamptz,
  created_at timestamptz, finished_at timestamptz, retain_s int4, extras jsonb, errors jsonb)
language plpgsql stable
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  f kongtask.job_filter := kongtask.filter_of(p_filter);
  v_now timestamptz := kongtask.clock();
begin
  return query
    with page as materialized (
      select e.id, t.name as task, q.name as queue, e.payload::text as payload, e.state, e.attempt, e.max_attempts, e.priority,
             e.run_at, e.created_at, e.finished_at, e.retain_s, e.extras, e.errors
        from (
          (select d.id, d.task_id, d.queue_id, d.payload, 'dead' as state, d.attempt, d.max_attempts, d.priority, d.run_at,
                  d.created_at, d.finished_at::timestamptz as finished_at, d.retain_s, d.extras, d.errors
             from kongtask.dead_letters d
            where p_dead and d.id > p_after_id and d.expires_at > v_now
              and kongtask.job_matches(
                    f, 'dead', d.task_id, d.queue_id, d.created_at, d.run_at, d.finished_at, d.extras, d.errors)
            order by d.id limit p_limit)
          union all
          (select h.id, h.task_id, h.queue_id, h.payload, case when h.completed then 'completed' else 'cancelled' end,
                  h.attempt, h.max_attempts, h.priority, h.run_at, h.created_at, h.finished_at, null, h.extras, h.errors
             from (select * from kongtask.history union all select * from kongtask.history_overflow) as h
            where p_kept and h.id > p_after_id and h.expires_at > v_now
              and kongtask.job_matches(
                    f, case when h.completed then 'completed' else 'cancelled' end, h.task_id, h.queue_id, h.created_at,
                    h.run_at, h.finished_at, h.extras, h.errors)
            order by h.id limit p_limit)
        ) as e
        join kongtask.tasks t on t.id = e.task_id
        join kongtask.queues q on q.id = e.queue_id
       order by e.id
       limit p_limit
    )
    select p.id, p.task, p.queue, p.payload, p.state, p.attempt, p.max_attempts, p.priority, p.run_at, p.created_at,
           p.finished_at, p.retain_s, p.extras, p.errors
      from (select page.*,
                   coalesce(sum(octet_length(page.payload)) over (
                     order by page.id rows between unbounded preceding and 1 preceding), 0) as text_before
              from page) as p
     where p.text_before < p_most_text
     order by p.id;
end
$$;

select kongtask.renew_access();
