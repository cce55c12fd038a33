-- Leases ready jobs to this process. A transaction of its own, always. (migrations: claim_jobs)
-- :worker int4
-- :nonce uuid
-- :claim int4  a number that this worker never used before
-- :queues int4[]?  null: all queues
-- :limits int4[]?  how many of each of them at the most
-- :total int4  how many at the most
-- :tasks int4[]  the tasks that this process knows
-- :forbidden text[]?  flags of jobs to leave alone
-- :is_survey bool  if dry: what falls due next, and not only when what waits for a limit may go on
-- :insists bool  it has come back often enough for its turn
-- :mark_queues int4[]?  marks: where to begin to look, null for the start
-- :mark_lanes int2[]?  -1: all lanes of the queue
-- :marks_us int8[]?
-- :mark_ids int8[]?
-- :mark_paused int4[]?  the tasks that were paused when these marks were made
-- => queue_id int4?  a row holds jobs of one queue; at the end there is one that holds none
-- => jobs text?  a line each: id, task, attempt, most attempts, priority, crashes, due and created (microseconds since
--    1970), whether it goes to history, where its row lies, payload, errors, extras, why it must not run; behind tabs
-- => dry bool?  fewer than were asked for; this and what follows are in the last row. None there: it was not its turn
-- => next_due_in float8?  milliseconds
-- => now_us int8?  the time of this claim
-- => xid int8?  its transaction, which began after that time; none where it found nothing, and was no survey
-- => xmin int8?  all transactions below have ended
-- => paused int4[]?  tasks
-- => ends int8[]?  how far it looked, where nothing before that is left to be claimed, four numbers each: queue, lane (-1:
--    through all lanes), microseconds since 1970, id
select queue_id, jobs, dry, next_due_in, now_us, xid, xmin, paused, ends
from kongtask.claim_jobs(:worker, :nonce, :claim, :queues, :limits, :total, :tasks, :forbidden,
  :is_survey, :insists, :mark_queues, :mark_lanes, :marks_us, :mark_ids, :mark_paused)
