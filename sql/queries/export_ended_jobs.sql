-- A page of jobs that are over and fit, in the order in which they were added. (migrations:
-- export_ended_jobs)
-- :filter jsonb
-- :dead bool  whether dead letters are asked for
-- :kept bool  whether history is
-- :after_id int8
-- :limit int4
-- :most_text int4  bytes of payloads, the last of which may go beyond
-- => id int8
-- => task text
-- => queue text
-- => payload text
-- => state text
-- => attempt int2
-- => max_attempts int2
-- => priority int2
-- => run_at timestamptz
-- => created_at timestamptz
-- => finished_at timestamptz
-- => retain_s int4?  of dead letters
-- => extras jsonb?
-- => errors jsonb?
select id, task, queue, payload, state, attempt, max_attempts, priority, run_at, created_at, finished_at, retain_s, extras,
       errors
  from kongtask.export_ended_jobs(:filter, :dead, :kept, :after_id, :limit, :most_text)
