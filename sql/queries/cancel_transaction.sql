-- Cancels what a transaction does. Behind a pooler its session may serve somebody else by now: then the transaction is another.
-- :pid int4
-- :began text
-- => is_cancelled bool  no row: that transaction is over
select pg_cancel_backend(a.pid) as is_cancelled from pg_stat_activity a where a.pid = :pid and a.xact_start = :began::timestamptz
