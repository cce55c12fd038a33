-- A page of jobs, newest first. One statement, hence one snapshot: what was found is what is read. A page without jobs is
-- one row without an id. (migrations: walk_jobs, read_jobs)
-- :filter jsonb
-- :before int8?  only ids below this one; null: from the newest
-- :limit int4
-- :scan int4  rows to look at, at the most
-- => next int8?  `before` of the next page; null: there is nothing left
-- => scanned int4  rows that were looked at
-- => id int8?
-- => task text?
-- => queue text?
-- => payload jsonb?
-- => state text?
-- => attempt int2?
-- => max_attempts int2?
-- => priority int2?
-- => run_at timestamptz?
-- => created_at timestamptz?
-- => finished_at timestamptz?
-- => extras jsonb?
-- => errors jsonb?
-- => result jsonb?
select w.o_next as next, w.o_scanned as scanned, f.id, f.task, f.queue, f.payload, f.state, f.attempt, f.max_attempts,
       f.priority, f.run_at, f.created_at, f.finished_at, f.extras, f.errors, f.result
  from kongtask.walk_jobs(:filter, :before, :limit, :scan) as w
  left join lateral kongtask.read_jobs(w.o_ids, w.o_queues) as f on true
