-- The last word of a process that stops in good order. (migrations: unregister_worker)
-- :worker int4
-- :nonce uuid
select kongtask.unregister_worker(:worker, :nonce)
