-- The ids of jobs that fit, newest first, of no more than so many rows. (migrations: walk_jobs)
-- :filter jsonb
-- :before int8?  only ids below this one; null: from the newest
-- :limit int4
-- :scan int4  rows to look at, at the most
-- => ids int8[]
-- => queues int4[]  the queue of each
-- => next int8?  `before` of the next page; null: there is nothing left
-- => scanned int4  rows that were looked at
select o_ids as ids, o_queues as queues, o_next as next, o_scanned as scanned
  from kongtask.walk_jobs(:filter, :before, :limit, :scan)
