-- What processes have right now, a bounded number of jobs each. (migrations: held_jobs)
-- :limit int4  for each
-- => worker int4
-- => id int8
-- => task text
-- => queue text
-- => claimed_at timestamptz
select h.worker, h.id, t.name as task, q.name as queue, h.claimed_at
  from kongtask.held_jobs(null, null, :limit) h
  join kongtask.tasks t on t.id = h.task_id
  join kongtask.queues q on q.id = h.queue_id
 order by h.worker, h.claimed_at, h.id
