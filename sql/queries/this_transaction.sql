-- The transaction that asks, for who may come to cancel it.
-- => pid int4  of the server's process
-- => began text
select pg_backend_pid() as pid, now()::text as began
