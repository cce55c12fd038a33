-- Keeps what handlers logged. (migrations: store_logs)
-- :lines jsonb  an array of { job, attempt, level, message, fields?, age (milliseconds) }, in order
-- :keep float8  milliseconds
select kongtask.store_logs(:lines, :keep)
