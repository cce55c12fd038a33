-- Limits of a queue over all processes. (migrations: limit_queue)
-- :name text
-- :concurrency jsonb?  a number; JSON's null takes it away, SQL's leaves it as it is
-- :rate jsonb?  { limit, per, burst? }; the same
select kongtask.limit_queue(:name, :concurrency, :rate)
