-- Whether there is a table.
-- :name text  as it would stand in a statement
-- => found bool
select to_regclass(:name) is not null as found
