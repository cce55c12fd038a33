-- The session that asks, for heartbeats to tell. (migrations: this_session)
-- => pid int4  of the server's process
-- => session text
select (session ->> 'pid')::int4 as pid, session::text as session from kongtask.this_session() as session
