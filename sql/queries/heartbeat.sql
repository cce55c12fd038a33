-- Renews this process's lease and gives back claims whose answer never arrived. (migrations: heartbeat)
-- :worker int4
-- :nonce uuid
-- :lease float8  milliseconds
-- :known int4[]  the claims of which this process holds jobs or awaits the answer
-- :before int4  every claim of this process that is not yet sent is at or above this number
-- => alive bool  false: this process was declared dead
select kongtask.heartbeat(:worker, :nonce, :lease, :known, :before) as alive
