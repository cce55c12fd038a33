-- Leases ready jobs in one go where nothing is special about them. A transaction of its own, always. (migrations: claim_ready)
-- :worker int4
-- :nonce uuid
-- :claim int4  a number that this worker never used before
-- :queue int4?  null: all queues
-- :total int4  how many at the most
-- :tasks int4[]  the tasks that this process knows
-- :mark_queues int4[]?  marks: where to begin to look, null for the start
-- :mark_lanes int2[]?  -1: all lanes of the queue
-- :marks_us int8[]?
-- :mark_ids int8[]?
-- => queue_id int4?  no row at all: it has done nothing, which claim_jobs does better
-- => jobs text?  a job as claim_jobs has it, in each row; null in the only row of a claim that found nothing
-- => dry bool?  the rest as in the last row of claim_jobs, in each row
-- => next_due_in float8?
-- => now_us int8?
-- => xid int8?
-- => xmin int8?
-- => paused int4[]
-- => ends int8[]?
select queue_id, jobs, dry, null::float8 as next_due_in, now_us, xid, xmin, '{}'::int4[] as paused, ends
from kongtask.claim_ready(:worker, :nonce, :claim, :queue, :total, :tasks,
  :mark_queues, :mark_lanes, :marks_us, :mark_ids)
