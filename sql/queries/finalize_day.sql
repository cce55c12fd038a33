-- Ends a detach that was interrupted.
alter table kongtask.daily detach partition kongtask.daily_00000000 finalize
