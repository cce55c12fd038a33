-- How many jobs wait, are being run, and were given up. What waits in a queue of which a job is being run counts as waiting.
-- => waiting int8
-- => running int8
-- => over int8
select count(*) filter (where j.is_available) as waiting,
       count(*) filter (where j.locked_at is not null) as running,
       count(*) filter (where j.locked_at is null and not j.is_available) as over
  from graphile_worker._private_jobs j
