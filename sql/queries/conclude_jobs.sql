-- What became of jobs whose handlers had transactions to complete in. (migrations: conclude_jobs)
-- :worker int4
-- :queue int4
-- :ids int8[]  ascending
-- :claims int4[]  the claims that they belong to
-- => id int8
-- => state text  completed, open (still ours to settle), pending (the transaction has not ended), lost
select id, state from kongtask.conclude_jobs(:worker, :queue, :ids, :claims)
