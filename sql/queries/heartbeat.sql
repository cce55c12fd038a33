-- Renews this process's lease, gives back claims whose answer never arrived, and reads what it is to be told. (migrations: heartbeat)
-- :worker int4
-- :nonce uuid
-- :lease float8  milliseconds
-- :known int4[]  the claims of which this process holds jobs or awaits the answer
-- :before int4  every claim of this process that is not yet sent is at or above this number
-- :heard int8[]  the messages that were read
-- :session jsonb?  by which others see that this process is there (this_session)
-- :is_direct bool  heartbeats come over connections of its own, not a pooler's
-- => alive bool  false: this process was declared dead
-- => messages jsonb?  an array of { id, body } that it has not read
-- => rescue bool  there are workers whose lease has run out
-- => absent bool  there are workers whose session is gone
-- => seen bool  that session is there
select o_alive as alive, o_messages as messages, o_rescue as rescue, o_absent as absent, o_seen as seen
from kongtask.heartbeat(:worker, :nonce, :lease, :known, :before, :heard, :session, :is_direct)
