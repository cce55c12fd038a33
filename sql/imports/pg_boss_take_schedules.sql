-- All schedules, locked until the transaction ends.
-- => name text
-- => key text
-- => kind text
-- => cron text
-- => timezone text?
-- => data text?
-- => options jsonb?
-- => defaults jsonb  what its queue says of jobs
select s.name, s.key, s.kind, s.cron, s.timezone, s.data::text as data, s.options,
       jsonb_build_object(
         'retryLimit', q.retry_limit, 'retryDelay', nullif(q.retry_delay, 0), 'retryBackoff', nullif(q.retry_backoff, false),
         'expireInSeconds', q.expire_seconds, 'deadLetter', q.dead_letter, 'policy', nullif(q.policy, 'standard')) as defaults
  from pgboss.schedule s
  join pgboss.queue q on q.name = s.name
 order by s.name, s.key
   for update of s
