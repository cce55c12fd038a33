-- Gives jobs that wait another priority. (migrations: reprioritise_jobs)
-- :ids int8[]
-- :queues int4[]?  the queue of each; null: whichever
-- :priority int4
-- :filter jsonb  what they must still be; {} for anything
-- => id int8
-- => status text  done, refused, locked, missing
select id, status from kongtask.reprioritise_jobs(:ids, :queues, :priority, :filter)
