-- Processes whose session is gone. (migrations: absent_workers)
-- => worker int4
-- => heartbeat text  the last one
select worker, heartbeat from kongtask.absent_workers()
