-- How far jobs are. (migrations: store_progress)
-- :entries jsonb  an array of { id, queue, worker, claim, age (milliseconds), done, total, note? }, each job once
select kongtask.store_progress(:entries)
