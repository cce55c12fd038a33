-- Says something to whoever examines this database, which is to be this session itself.
-- :token text
-- => pid int4  of the server's process
select pg_backend_pid() as pid, pg_notify('kongtask:doctor', :token)
