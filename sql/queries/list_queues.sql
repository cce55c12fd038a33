-- All queues and what is in them, counted up to a limit. (migrations: list_queues)
-- :limit int4
-- => name text
-- => paused_at timestamptz?
-- => scheduled int4
-- => ready int4
-- => running int4
-- => oldest_at timestamptz?  when the oldest job fell due that is ready and not running
-- => seen_at timestamptz  KongTask's time of the look
select name, paused_at, scheduled, ready, running, oldest_at, seen_at from kongtask.list_queues(:limit)
