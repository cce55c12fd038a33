-- Tells a process to stop in good order. (migrations: drain_worker)
-- :worker int4
-- => known bool  false: there is no such process
select kongtask.drain_worker(:worker) as known
