-- Makes a schedule. (migrations: create_schedule)
-- :definition jsonb
-- :by text?
-- => created bool  false: there is one of that name
select kongtask.create_schedule(:definition, :by) as created
