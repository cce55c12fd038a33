-- Forgets a scheduler that the same transaction has locked. The job that it has planned stays, as a job like others.
-- :queue text
-- :scheduler_id text
delete from bullmq.scheduler s
 where s.queue = :queue and s.scheduler_id = :scheduler_id
