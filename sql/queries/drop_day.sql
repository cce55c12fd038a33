-- Forgets a day that is no longer part of its table.
drop table if exists kongtask.daily_00000000
