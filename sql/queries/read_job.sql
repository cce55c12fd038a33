-- One job, wherever it is. (migrations: read_job)
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
select id, task, queue, payload, state, attempt, max_attempts, priority, run_at, created_at, finished_at, extras, errors,
       result, progress
  from kongtask.read_job(:id)
