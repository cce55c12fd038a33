-- Keeps a task's jobs from starting. (migrations: pause_task)
-- :name text
select kongtask.pause_task(:name)
