-- What was applied to this schema.
-- => number int4
-- => name text
-- => breaking bool
select number, name, breaking from kongtask.migrations order by number
