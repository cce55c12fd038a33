-- Which of BullMQ's migrations was applied last.
-- => version int4
select coalesce(max(m.version), 0)::int4 as version from bullmq.migration m
