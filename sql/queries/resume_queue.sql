-- Lets a queue's jobs start again. (migrations: resume_queue)
-- :name text
-- => known bool  false: there is no such queue
select kongtask.resume_queue(:name) as known
