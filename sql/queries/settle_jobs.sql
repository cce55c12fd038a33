-- Writes what became of this process's jobs of one queue, fenced by their leases. (migrations: settle_jobs)
-- :worker int4
-- :queue int4
-- :forget int8[]  completed jobs of which nothing is kept, ascending
-- :forget_claims int4[]  the claims that they belong to
-- :forget_places tid[]  where they lay when they were claimed, in any order
-- :keep int8[]  completed jobs that go to history, ascending
-- :keep_claims int4[]  the claims that they belong to
-- :keep_places tid[]
-- :results text[]?  their results as JSON text, null where there is none
-- :others jsonb?  all that is not a plain completion
-- :closed int4[]  claims of which nothing is left in this process
-- => refused int8[]  jobs that were no longer ours
-- => ended int8[]  jobs that ended as cancelled instead of coming back
-- => reasons text[]  why, in the same order
select o_refused as refused, o_ended as ended, o_reasons as reasons from kongtask.settle_jobs(
  :worker, :queue, :forget, :forget_claims, :forget_places, :keep, :keep_claims, :keep_places, :results, :others, :closed)
