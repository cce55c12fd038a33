-- Moves the time that jobs live by ahead of that of the server, for tests. The interval is put in place of `0 ms`.
create or replace function kongtask.clock() returns timestamptz
language sql volatile parallel safe
return clock_timestamp() + interval '0 ms'
