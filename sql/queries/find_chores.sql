-- Which chores have something to do. (migrations: find_chores)
-- => rescue bool
-- => sweep bool
-- => park bool
-- => lift bool
select o_rescue as rescue, o_sweep as sweep, o_park as park, o_lift as lift
from kongtask.find_chores()
