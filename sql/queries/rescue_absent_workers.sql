-- Returns the jobs of processes that are still absent and were not heard since. Any process may call it at any time. (migrations:
-- rescue_absent_workers)
-- :workers int4[]
-- :heartbeats text[]  the last ones, as they were when the processes were seen absent
-- :self int4?  the worker that asks; null: an operator
-- => workers int4  processes newly found dead
-- => jobs int4  jobs that went back to their lanes
select workers, jobs from kongtask.rescue_absent_workers(:workers, :heartbeats, :self)
