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
-- => next_run_ms int8?
-- => is_planned bool  there is a job for that time
select s.queue, s.scheduler_id, s.name, s.pattern, s.every_ms, s.tz, s.start_date_ms, s.end_date_ms, s.limit_count,
       s.template_data::text as template_data, s.template_opts, s.next_run_ms,
       exists (select from bullmq.job j
                where j.queue = s.queue and j.id = 'repeat:' || s.scheduler_id || ':' || s.next_run_ms) as is_planned
  from bullmq.scheduler s
 order by s.queue, s.scheduler_id
   for update of s
