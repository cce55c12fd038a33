-- Forgets jobs that the same transaction has locked.
-- :ids text[]
delete from pgboss.job j where j.id = any (:ids::uuid[])
