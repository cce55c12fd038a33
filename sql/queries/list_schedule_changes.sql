-- What was done with schedules, the latest first.
-- :name text?
-- :before int8?  only those below this id
-- :limit int4
-- => id int8
-- => schedule text
-- => at timestamptz
-- => by text
-- => verb text
-- => before jsonb?
-- => after jsonb?
select c.id, c.schedule, c.at, c.by, c.verb, c.before, c.after
  from kongtask.schedule_changes c
 where (:name is null or c.schedule = :name) and (:before is null or c.id < :before)
 order by c.id desc limit :limit
