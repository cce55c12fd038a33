-- Adds jobs that come from elsewhere, each once: text parameters, as insert_jobs has them. (migrations: import_jobs)
-- :source text  where from
-- :kinds text  JSON: what sets of jobs have in common
-- :kind text?  an array's text: for each payload the number of its kind; null: all are of the first
-- :payloads text  JSON: an array
-- :facts text  JSON: an array, for each payload { key?, attempt?, createdAt?, error? }
-- => id text?  of the payloads in their order
-- => status text  added, imported, skipped
select id, status from kongtask.import_jobs(:source, :kinds::jsonb, :kind::int4[], :payloads::jsonb, :facts::jsonb)
