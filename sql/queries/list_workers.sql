-- All processes that are registered and were not declared dead, oldest first.
-- => worker int4
-- => started_at timestamptz
-- => heartbeat_at timestamptz
-- => expires_at timestamptz
-- => silent bool  its lease has run out: others are about to declare it dead
-- => info jsonb  what it said of itself
select w.id as worker, w.started_at, w.heartbeat_at, w.expires_at, w.expires_at < clock_timestamp() as silent, w.info
  from kongtask.workers w
 where w.rescued_at is null
 order by w.id
