-- Forgets jobs that the same transaction has locked, and that they had a key.
-- :queues text[]
-- :ids text[]
with gone as (
  delete from bullmq.job j
   using unnest(:queues, :ids) as moved (queue, id)
   where j.queue = moved.queue and j.id = moved.id
  returning j.queue, j.id, j.dedup_id
)
delete from bullmq.dedup d
 using gone
 where d.queue = gone.queue and d.dedup_id = gone.dedup_id and d.job_id = gone.id
