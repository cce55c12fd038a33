-- All schedules, locked until the transaction ends.
-- => name text
-- => key text
-- => kind text
-- => cron text
-- => timezone text?
-- => data text?
-- => options jsonb?
select s.name, s.key, s.kind, s.cron, s.timezone, s.data::text as data, s.options
  from pgboss.schedule s
 order by s.name, s.key
   for update of s
