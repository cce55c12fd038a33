-- Keeps a schedule from firing. (migrations: pause_schedule)
-- :name text
-- :by text?
-- => known bool
select kongtask.pause_schedule(:name, :by) as known
