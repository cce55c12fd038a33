-- Fires ticks of one schedule, if nobody else has. A transaction of its own, always. (migrations: fire_schedule)
-- :name text
-- :revision int8
-- :from timestamptz  the tick that was to come when it was read
-- :ticks jsonb  [{ at, isCaughtUp }]
-- :following timestamptz?
-- => tick timestamptz
-- => is_caught_up bool
-- => job_id text
-- => status text
select tick, is_caught_up, job_id::text as job_id, status
  from kongtask.fire_schedule(:name, :revision, :from, :ticks, :following)
