-- Brings a batch of them back where their task was resumed. (migrations: unpark_jobs)
-- :limit int4
-- => back int4
select kongtask.unpark_jobs(:limit) as back
