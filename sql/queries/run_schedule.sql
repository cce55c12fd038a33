-- Adds a job of a schedule now. (migrations: run_schedule)
-- :name text
-- :by text?
-- => job_id text
-- => status text
select job_id::text as job_id, status from kongtask.run_schedule(:name, :by)
