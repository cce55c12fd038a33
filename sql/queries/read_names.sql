-- All queue names with their numbers; there are few, and a runner without a list of queues meets new ones.
-- => id int4
-- => name text
select id, name from kongtask.queues
