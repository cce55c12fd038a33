-- Takes a day out of a table without locking anybody out. Cannot run inside a transaction; waits for open readers.
-- The table's own name stands where `daily` stands here, the day's where 00000000 does.
alter table kongtask.daily detach partition kongtask.daily_00000000 concurrently
