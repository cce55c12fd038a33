-- How many jobs wait, are being run, and were given up. What a scheduler has planned for later waits until the scheduler
-- has moved.
-- => waiting int8
-- => running int8
-- => over int8
select count(*) filter (where j.state = 'waiting' or j.state = 'waiting-children'
                           or j.state = 'delayed' and s.scheduler_id is null) as waiting,
       count(*) filter (where j.state = 'active') as running,
       count(*) filter (where j.state = 'failed') as over
  from bullmq.job j
  left join bullmq.scheduler s
    on s.queue = j.queue and j.id = 'repeat:' || s.scheduler_id || ':' || s.next_run_ms
