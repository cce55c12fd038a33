-- Of which tasks jobs wait in which queues, as far as the oldest and the latest jobs of each queue tell.
-- :scan int4  jobs to look at, at either end of each queue
-- => queue text
-- => task text
-- => jobs int4
select q.name as queue, t.name as task, count(*)::int4 as jobs
  from kongtask.queues q
 cross join lateral (
         (select j.id, j.task_id, j.worker from kongtask.jobs j where j.queue_id = q.id order by j.id limit :scan)
         union
         (select j.id, j.task_id, j.worker from kongtask.jobs j where j.queue_id = q.id order by j.id desc limit :scan)) as j
  join kongtask.tasks t on t.id = j.task_id
 where j.worker = 0
 group by q.name, t.name
 order by t.name, q.name
