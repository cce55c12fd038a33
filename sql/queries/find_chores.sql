-- Which chores have something to do. (migrations: find_chores)
-- => rescue bool
-- => absent bool
-- => sweep bool
-- => park bool
-- => lift bool
-- => next_tick_in float8?  milliseconds until the next tick of a schedule (migrations: next_tick_in)
-- => unsettled text[]?  applications whose schedules are not those that they should have (migrations: unsettled_applications)
select o_rescue as rescue, o_absent as absent, o_sweep as sweep, o_park as park, o_lift as lift,
       kongtask.next_tick_in() as next_tick_in, kongtask.unsettled_applications() as unsettled
from kongtask.find_chores()
