-- All schedulers, locked until the transaction ends.
-- => queue text
-- => scheduler_id text
-- => name text?
-- => pattern text?
-- => every_ms int8?
-- => tz text?
-- => start_date_ms int8?
-- => end_date_ms int8?
-- => limit_count int4?
-- => template_data text?
-- => template_opts jsonb?
select s.queue, s.scheduler_id, s.name, s.pattern, s.every_ms, s.tz, s.start_date_ms, s.end_date_ms, s.limit_count,
       s.template_data::text as template_data, s.template_opts
  from bullmq.scheduler s
 order by s.queue, s.scheduler_id
   for update of s
