-- Cancels jobs that wait, and tells the workers of those that run. (migrations: cancel_jobs)
-- :ids int8[]
-- :queues int4[]?  the queue of each; null: whichever
-- :reason text
-- :filter jsonb  what they must still be; {} for anything
-- => id int8
-- => status text  done, told, refused, locked, missing
select id, status from kongtask.cancel_jobs(:ids, :queues, :reason, :filter)
