-- Forgets jobs, wherever they are; not what runs. (migrations: delete_jobs)
-- :ids int8[]
-- :queues int4[]?  the queue of each; null: whichever
-- :filter jsonb  what they must still be; {} for anything
-- => id int8
-- => status text  done, refused, locked, missing
select id, status from kongtask.delete_jobs(:ids, :queues, :filter)
