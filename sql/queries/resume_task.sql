-- Lets a task's jobs start again. (migrations: resume_task)
-- :name text
-- => known bool  false: there is no such task
select kongtask.resume_task(:name) as known
