-- The troubles behind the latest dead letters, the most frequent first. (migrations: group_dead_letters)
-- :filter jsonb
-- :scan int4  dead letters to look at, at the most
-- => task text
-- => error text
-- => letters int8
-- => first_at timestamptz
-- => last_at timestamptz
-- => example int8
-- => message text
-- => looked int8  dead letters that were looked at
select task, error, letters, first_at, last_at, example, message, looked
  from kongtask.group_dead_letters(:filter, :scan)
