-- All schedules by name, or one.
-- :name text?
-- => name text
-- => source text
-- => application text?
-- => expression text
-- => tz text
-- => catch_up text
-- => within_ms float8
-- => job jsonb
-- => payload jsonb
-- => paused_at timestamptz?
-- => next_tick timestamptz?
-- => last_tick timestamptz?
-- => revision int8
-- => created_at timestamptz
-- => changed_at timestamptz
select s.name, s.source, s.application, s.expression, s.tz, s.catch_up, s.within_ms, s.job, s.payload, s.paused_at,
       s.next_tick, s.last_tick, s.revision, s.created_at, s.changed_at
  from kongtask.schedules s
 where :name is null or s.name = :name
 order by s.name
