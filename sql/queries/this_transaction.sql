-- The transaction that asks, for who may come to cancel it. It may last, and be silent for long: where its client is gone without a
-- word, the server is to learn so within minutes, and let its locks go.
-- => pid int4  of the server's process
-- => began text
select pg_backend_pid() as pid, now()::text as began
  from set_config('tcp_keepalives_idle', '30', true) as idle, set_config('tcp_keepalives_interval', '10', true) as pause,
       set_config('tcp_keepalives_count', '3', true) as count
