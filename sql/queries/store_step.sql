-- Stores what a step came to, fenced by the lease, on whatever connection it is given: text parameters, which every
-- driver passes as they are. (migrations: store_step)
-- :worker text
-- :claim text
-- :queue text
-- :id text
-- :place text  where its row lay when it was claimed
-- :name text
-- :result text?  JSON
-- :sleep text?  milliseconds: the step is a sleep
-- :idle text?  milliseconds that a transaction of the handler's may idle from now on; null: it is not on one
-- => wakes_in int8?  milliseconds until the sleep is over
select kongtask.store_step(
  :worker::int4, :claim::int4, :queue::int4, :id::int8, :place::tid, :name, :result::jsonb, :sleep::float8, :idle::int4) as wakes_in
