-- Dead letters, latest first, a page at a time. Index: dead_letters_recent.
-- :before_at timestamptz?  the last row of the page before; null for the first page
-- :before_id int8?
-- :limit int4
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
select d.id, t.name as task, q.name as queue, d.payload, 'dead' as state, d.attempt, d.max_attempts, d.priority,
       d.run_at, d.created_at, d.finished_at, d.extras, d.errors, null::jsonb as result
  from kongtask.dead_letters d
  join kongtask.tasks t on t.id = d.task_id
  join kongtask.queues q on q.id = d.queue_id
 where :before_at is null or (d.finished_at, d.id) < (:before_at, :before_id)
 order by d.finished_at desc, d.id desc
 limit :limit
