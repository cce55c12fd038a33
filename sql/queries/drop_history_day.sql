-- Forgets a day that is no longer part of history.
drop table if exists kongtask.history_00000000
