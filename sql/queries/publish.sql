-- Tells the database a runner's tasks, their defaults and its queues, and learns their numbers. (migrations: publish)
-- :tasks jsonb  name to defaults, null where a task has no contract
-- :queues text[]?  null: all that there are
-- => kind text  'task' or 'queue'
-- => name text
-- => id int4
select kind, name, id from kongtask.publish(:tasks, :queues)
