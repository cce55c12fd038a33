-- Hears of queues that got jobs, and of workers that are to read what they are told. Needs a connection of its own.
listen "kongtask:ready";
listen "kongtask:worker"
