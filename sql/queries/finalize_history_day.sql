-- Ends a detach that was interrupted.
alter table kongtask.history detach partition kongtask.history_00000000 finalize
