-- Forgets a schedule that the same transaction has locked.
-- :name text
-- :key text
delete from pgboss.schedule s where s.name = :name and s.key = :key
