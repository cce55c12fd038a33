-- :number int4
-- :name text
-- :breaking bool
insert into kongtask.migrations (number, name, breaking) values (:number, :name, :breaking)
