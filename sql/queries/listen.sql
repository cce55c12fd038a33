-- Hears of queues that got jobs. Needs a connection of its own.
listen "kongtask:ready"
