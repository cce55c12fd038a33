-- Changes a schedule. (migrations: change_schedule)
-- :name text
-- :revision int8
-- :definition jsonb  what it leaves out stays as it is
-- :by text?
-- => changed bool  false: somebody else was quicker
select kongtask.change_schedule(:name, :revision, :definition, :by) as changed
