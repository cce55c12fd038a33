-- Runs jobs again that failed or are over. (migrations: retry_jobs)
-- :ids int8[]
-- :queues int4[]?  the queue of each; null: whichever
-- :filter jsonb  what they must still be; {} for anything
-- => id int8
-- => status text  done, conflict (another job has its unique key: it stays), refused, locked, missing
select id, status from kongtask.retry_jobs(:ids, :queues, :filter)
