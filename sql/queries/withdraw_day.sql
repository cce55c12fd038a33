-- Nothing goes into a day any more, nor into an earlier one, before it is taken out.
-- The table's own name stands where `daily` stands here, the day's where 00000000 does.
update kongtask.daily_horizon
   set since = greatest(since, to_timestamp('00000000', 'YYYYMMDD')::timestamp at time zone 'UTC' + interval '1 day')
