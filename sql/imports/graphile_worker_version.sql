-- Which of graphile-worker's migrations was applied last.
-- => version int4
select coalesce(max(m.id), 0)::int4 as version from graphile_worker.migrations m
