-- Adds jobs, all or none, on whatever connection it is given. (migrations: insert_jobs)
-- :jobs jsonb  the array that insert_jobs describes
-- => ordinal int8  1-based position in the array
-- => id text
-- => status text
select ordinal, id, status from kongtask.insert_jobs(:jobs)
