-- Keeps a queue's jobs from starting. (migrations: pause_queue)
-- :name text
select kongtask.pause_queue(:name)
