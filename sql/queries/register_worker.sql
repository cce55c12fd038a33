-- Announces this process. (migrations: register_worker)
-- :lease float8  milliseconds until it counts as dead without a heartbeat
-- :info jsonb  for people: host, pid, versions, queues, tasks
-- :session jsonb?  by which others see that this process is there (this_session)
-- => worker int4
-- => nonce uuid
select worker, nonce from kongtask.register_worker(:lease, :info, :session)
