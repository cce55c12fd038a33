-- Returns the jobs of processes whose lease ran out. Any process may call it at any time. (migrations: rescue_workers)
-- :self int4?  the worker that asks; null: an operator, who knows that there was no outage
-- => workers int4  processes newly found dead
-- => jobs int4  jobs that went back to their lanes
select workers, jobs from kongtask.rescue_workers(:self)
