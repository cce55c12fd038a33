-- Leases ready jobs to this process. A transaction of its own, always. (migrations: claim_jobs)
-- :worker int4
-- :nonce uuid
-- :claim int4  a number that this worker never used before
-- :queues int4[]?  null: all queues
-- :limits int4[]?  how many of each of them at the most
-- :total int4  how many at the most
-- :tasks int4[]  the tasks that this process knows
-- :forbidden text[]?  flags of jobs to leave alone
-- => queue_id int4?  a row holds jobs of one queue; at the end, where there were too few, one that holds none
-- => ids int8[]?
-- => task_ids int4[]?
-- => attempts int2[]?
-- => max_attempts int2[]?
-- => priorities int2[]?
-- => crashes int2[]?
-- => run_at_us int8[]?  microseconds since 1970
-- => created_at_us int8[]?
-- => kept bool[]?  go to history when completed
-- => places tid[]?  where the rows lie now
-- => payloads text?  a line each
-- => extras text?  lines of id and JSON, of those that have it
-- => errors text?  the same
-- => ended text?  why they must not run again: the same
-- => next_due_in float8?  milliseconds
select queue_id, ids, task_ids, attempts, max_attempts, priorities, crashes, run_at_us, created_at_us, kept, places,
       payloads, extras, errors, ended, next_due_in
from kongtask.claim_jobs(:worker, :nonce, :claim, :queues, :limits, :total, :tasks, :forbidden)
