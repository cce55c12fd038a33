-- Forgets jobs that the same transaction has locked.
-- :ids int8[]
delete from graphile_worker._private_jobs j where j.id = any (:ids)
