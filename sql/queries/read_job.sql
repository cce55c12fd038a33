-- One job, wherever it is. An id is in one place at a time, so at most one branch answers.
-- :id int8
-- => id int8
-- => task text
-- => queue text
-- => payload jsonb
-- => state text
-- => attempt int2
-- => max_attempts int2
-- => priority int2
-- => run_at timestamptz
-- => created_at timestamptz
-- => finished_at timestamptz?
-- => extras jsonb?
-- => errors jsonb?
-- => result jsonb?
-- => progress jsonb?  { done, total, note, at }
with found as (
  select j.id, j.task_id, j.queue_id, j.payload,
         case when j.worker <> 0 then 'running' when j.run_at > kongtask.clock() then 'scheduled' else 'ready' end as state,
         j.attempt, j.max_attempts, (j.lane & 15)::int2 as priority, j.run_at, j.created_at, null::timestamptz as finished_at,
         j.extras, j.errors, null::jsonb as result
    from kongtask.jobs j
   where j.queue_id = any (array(select q.id from kongtask.queues q)) and j.id = :id
  union all
  select d.id, d.task_id, d.queue_id, d.payload, 'dead', d.attempt, d.max_attempts, d.priority, d.run_at, d.created_at,
         d.finished_at, d.extras, d.errors, null
    from kongtask.dead_letters d
   where d.id = :id
  union all
  select h.id, h.task_id, h.queue_id, h.payload, case when h.completed then 'completed' else 'cancelled' end, h.attempt,
         h.max_attempts, h.priority, h.run_at, h.created_at, h.finished_at, h.extras, h.errors, h.result
    from (select * from kongtask.history union all select * from kongtask.history_overflow) h
   where h.id = :id and h.expires_at > kongtask.clock()
)
select f.id, t.name as task, q.name as queue, f.payload, f.state, f.attempt, f.max_attempts, f.priority, f.run_at,
       f.created_at, f.finished_at, f.extras, f.errors, f.result,
       (select jsonb_build_object('done', p.done, 'total', p.total, 'note', p.note, 'at', p.at)
          from kongtask.progress p
         where p.job_id = f.id) as progress
  from found f
  join kongtask.tasks t on t.id = f.task_id
  join kongtask.queues q on q.id = f.queue_id
