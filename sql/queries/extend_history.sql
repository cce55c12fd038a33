-- Adds the days of history that are missing up to a fortnight ahead. (migrations: extend_history)
-- => added int4
select kongtask.extend_history() as added
