-- Hears of queues that got jobs, of workers that are to read what they are told, and of changes of schedules. Needs a
-- connection of its own.
listen "kongtask:ready";
listen "kongtask:worker";
listen "kongtask:schedule"
