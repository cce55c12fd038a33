-- Forgets old ticks and changes. (migrations: prune_schedules)
-- :ticks_ms float8
-- :changes_ms float8
-- :limit int4
-- => more bool
select kongtask.prune_schedules(:ticks_ms, :changes_ms, :limit) as more
