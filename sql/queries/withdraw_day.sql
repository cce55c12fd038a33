-- Nothing goes into a day any more, nor into an earlier one, before it is taken out. (migrations: withdraw_day)
-- :daily text  the table that it is of
-- :day text    YYYYMMDD
select kongtask.withdraw_day(:daily::text, :day::text::date)
