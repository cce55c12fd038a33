-- How long until the next tick of a schedule. (migrations: next_tick_in)
-- => due_in float8?  milliseconds; zero or less: it is due; null: there is none
select kongtask.next_tick_in() as due_in
