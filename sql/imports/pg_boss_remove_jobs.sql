-- Forgets jobs that the same transaction has locked. Two queues may have jobs of one id.
-- :names text[]
-- :ids text[]
delete from pgboss.job j
 using unnest(:names, :ids::uuid[]) as moved (name, id)
 where j.name = moved.name and j.id = moved.id
