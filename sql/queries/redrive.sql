-- Brings dead letters back to life. (migrations: redrive)
-- :ids int8[]
-- => id int8
-- => status text  redriven, conflict (another job has its unique key: it stays), missing
select id, status from kongtask.redrive(:ids)
