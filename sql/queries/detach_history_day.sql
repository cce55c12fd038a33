-- Takes a day out of history without locking anybody out. Cannot run inside a transaction; waits for open readers.
-- The day's own name stands where 00000000 stands here.
alter table kongtask.history detach partition kongtask.history_00000000 concurrently
