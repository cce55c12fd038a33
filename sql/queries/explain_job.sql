-- The facts about a job, then those about the job that has its serial key. (migrations: explain_job)
-- :id int8
-- => id int8
-- => state text
-- => task text
-- => queue text
-- => attempt int2
-- => max_attempts int2
-- => crashes int2
-- => priority int2
-- => run_at timestamptz
-- => finished_at timestamptz?
-- => reason text?  why it ended, or must not run again
-- => extras jsonb?
-- => last_error jsonb?
-- => seen_at timestamptz
-- => queue_paused_at timestamptz?
-- => task_paused_at timestamptz?
-- => holder int8?  the job that has its serial key, where it is another
-- => ahead int4?  ready jobs that come before it; of one that is parked: of those parked for the same limit
-- => gate text?  of the limit that keeps it from starting
-- => gate_limit jsonb?  { limit, per?, burst? }
-- => gate_opens_at timestamptz?  when a rate lets the next one start
-- => worker int4?  the process that has it
-- => claimed_at timestamptz?
-- => worker_info jsonb?
-- => heartbeat_at timestamptz?
-- => expires_at timestamptz?
-- => silent bool?  the process that has it is dead or about to be declared so
-- => live int4?  processes that live; each of the following is a part of the one before
-- => serving int4?  serve the queue
-- => knowing int4?  know the task
-- => allowed int4?  do not forbid its flags
-- => slots int4?  that these have for the queue
-- => free int4?  of those slots
-- => busy_with int8[]?  some of the jobs that have the others
select id, state, task, queue, attempt, max_attempts, crashes, priority, run_at, finished_at, reason, extras, last_error,
       seen_at, queue_paused_at, task_paused_at, holder, ahead, gate, gate_limit, gate_opens_at, worker, claimed_at,
       worker_info, heartbeat_at, expires_at, silent, live, serving, knowing, allowed, slots, free, busy_with
  from kongtask.explain_job(:id, true)
