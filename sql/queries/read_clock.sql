-- KongTask's time, and how many processes live.
-- => at timestamptz
-- => workers int4
select kongtask.clock() as at,
       (select count(*)::int4 from kongtask.workers w where w.rescued_at is null and w.expires_at > clock_timestamp()) as workers
