-- The version of pg-boss's tables.
-- => version int4
select v.version from pgboss.version v
