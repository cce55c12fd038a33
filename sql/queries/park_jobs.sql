-- Takes the jobs of paused tasks out of the way of claims, a batch of each lane. (migrations: park_jobs)
-- :limit int4
-- => parked int4
select kongtask.park_jobs(:limit) as parked
