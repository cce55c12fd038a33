-- What an application declares. (migrations: declare_schedules)
-- :application text
-- :generation text
-- :definitions jsonb
-- :by text?
-- => name text?
-- => done text
select name, done from kongtask.declare_schedules(:application, :generation, :definitions, :by)
