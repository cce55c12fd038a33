-- Whether it is this process that does a chore now. (migrations: take_turn)
-- :chore text
-- :every float8  milliseconds until the next turn
-- => taken bool
select kongtask.take_turn(:chore, :every) as taken
