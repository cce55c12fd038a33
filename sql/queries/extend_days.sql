-- Adds the days that are missing up to 35 days ahead, of every table that has days. (migrations: extend_days)
-- => added int4
select sum(kongtask.extend_days(t.name))::int4 as added from unnest(kongtask.daily_tables()) as t (name)
