-- Forgets a scheduler that the same transaction has locked, and the job that it has planned for later. One that is due stays,
-- as a job like others.
-- :queue text
-- :scheduler_id text
with gone as (
  delete from bullmq.scheduler s
   where s.queue = :queue and s.scheduler_id = :scheduler_id
  returning s.queue, 'repeat:' || s.scheduler_id || ':' || s.next_run_ms as planned
)
delete from bullmq.job j
 using gone
 where j.queue = gone.queue and j.id = gone.planned and j.state = 'delayed'
   and j.process_at_ms > extract(epoch from clock_timestamp()) * 1000
