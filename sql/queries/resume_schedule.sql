-- Lets a schedule fire again. (migrations: resume_schedule)
-- :name text
-- :revision int8
-- :next timestamptz?
-- :by text?
-- => resumed bool  false: somebody else was quicker
select kongtask.resume_schedule(:name, :revision, :next, :by) as resumed
