-- Keeps what handlers logged. (migrations: store_logs)
-- :lines jsonb  an array of { job, attempt, level, message, fields?, age, keep (both in milliseconds) }, in order
select kongtask.store_logs(:lines)
