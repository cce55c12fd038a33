-- The latest ticks of a schedule that fired, the latest first.
-- :name text
-- :limit int4
-- => tick timestamptz
-- => fired_at timestamptz
-- => caught_up bool
-- => job_id text
-- => status text
select t.tick, t.fired_at, t.caught_up, t.job_id::text as job_id, t.status
  from kongtask.schedule_ticks t
 where t.schedule = :name and t.job_id is not null
 order by t.tick desc limit :limit
