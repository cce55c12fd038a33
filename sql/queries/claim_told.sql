-- Leases one job by its number where nothing is special about it. A transaction of its own, always. (migrations: claim_told)
-- :worker int4
-- :nonce uuid
-- :claim int4  a number that this worker never used before
-- :queue int4
-- :id int8
-- :tasks int4[]  the tasks that this process knows
-- => queue_id int4?  no row at all: it has done nothing, which others do better
-- => jobs text?  as claim_jobs has it; null where somebody else has the job
select queue_id, jobs
from kongtask.claim_told(:worker, :nonce, :claim, :queue, :id, :tasks)
