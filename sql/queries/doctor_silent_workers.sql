-- Processes whose lease has run out, and that nobody has declared dead.
-- => worker int4
-- => host text
-- => pid text
-- => silent float8  milliseconds since the latest heartbeat
-- => unlock text  the statement that declares it dead
select w.id as worker, coalesce(w.info ->> 'host', '') as host, coalesce(w.info ->> 'pid', '') as pid,
       (extract(epoch from clock_timestamp() - w.heartbeat_at) * 1000)::float8 as silent,
       format('select %s.unlock_worker(%s)', to_regnamespace('"kongtask"'), w.id) as unlock
  from kongtask.workers w
 where w.rescued_at is null and w.expires_at < clock_timestamp()
 order by w.id
