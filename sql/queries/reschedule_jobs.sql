-- Moves jobs that wait to another time; both null: due now, where that is sooner. (migrations: reschedule_jobs)
-- :ids int8[]
-- :queues int4[]?  the queue of each; null: whichever
-- :due timestamptz?
-- :delay float8?  milliseconds from now
-- :filter jsonb  what they must still be; {} for anything
-- => id int8
-- => status text  done, refused, locked, missing
select id, status from kongtask.reschedule_jobs(:ids, :queues, :due, :delay, :filter)
