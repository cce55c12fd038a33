-- Adds jobs, all or none, on whatever connection it is given: text parameters, which every driver passes as they are.
-- (migrations: insert_jobs)
-- :kinds text  JSON: what sets of jobs have in common
-- :kind text?  an array's text: for each payload the number of its kind; null: all are of the first
-- :payloads text  JSON: an array
-- => id text  of the payloads in their order
-- => status text
select id, status from kongtask.insert_jobs(:kinds::jsonb, :kind::int4[], :payloads::jsonb)
