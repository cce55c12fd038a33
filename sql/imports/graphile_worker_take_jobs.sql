-- A page of jobs that wait, in the order in which graphile-worker would run them: what is due by priority, then the rest by
-- time. Locked until the transaction ends, in the way in which its workers lock them; what they have locked is skipped, and so
-- is what waits in a queue of which they run a job.
-- :since timestamptz  what is due then counts as due
-- :after_due text?  behind this job; null from the start
-- :after_priority int4?
-- :after_run_at text?
-- :after_id int8?
-- :limit int4
-- :most_text int4  bytes of payloads, the last of which may go beyond
-- => id int8
-- => task text
-- => queue text?
-- => payload text
-- => priority int2
-- => run_at timestamptz
-- => attempts int2
-- => max_attempts int2
-- => last_error text?
-- => created_at timestamptz
-- => updated_at timestamptz
-- => key text?
-- => flags jsonb?
-- => due text
-- => run_at_text text
with page as materialized (
  select j.id, t.identifier as task, q.queue_name as queue, j.payload::text as payload, j.priority, j.run_at, j.attempts,
         j.max_attempts, j.last_error, j.created_at, j.updated_at, j.key, j.flags,
         greatest(j.run_at, :since) as due_at
    from graphile_worker._private_jobs j
    join graphile_worker._private_tasks t on t.id = j.task_id
    left join graphile_worker._private_job_queues q on q.id = j.job_queue_id
   where j.is_available and (q.id is null or q.is_available)
     and (:after_due is null
          or (greatest(j.run_at, :since), j.priority, j.run_at, j.id)
             > (:after_due::timestamptz, :after_priority, :after_run_at::timestamptz, :after_id))
   order by greatest(j.run_at, :since), j.priority, j.run_at, j.id
   limit :limit
     for update of j skip locked
)
select p.id, p.task, p.queue, p.payload, p.priority, p.run_at, p.attempts, p.max_attempts, p.last_error, p.created_at,
       p.updated_at, p.key, p.flags, p.due_at::text as due, p.run_at::text as run_at_text
  from (select page.*,
               coalesce(sum(octet_length(page.payload)) over (
                 order by page.due_at, page.priority, page.run_at, page.id
                 rows between unbounded preceding and 1 preceding), 0) as text_before
          from page) as p
 where p.text_before < :most_text
 order by p.due_at, p.priority, p.run_at, p.id
