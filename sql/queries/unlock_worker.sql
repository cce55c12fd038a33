-- Declares a process dead; its jobs go back. (migrations: unlock_worker)
-- :worker int4
-- => released int4?  null: there is no such process
select kongtask.unlock_worker(:worker) as released
