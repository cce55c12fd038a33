-- How many jobs wait, are being run, and were given up.
-- => waiting int8
-- => running int8
-- => over int8
select count(*) filter (where j.state < 'active') as waiting,
       count(*) filter (where j.state = 'active') as running,
       count(*) filter (where j.state = 'failed') as over
  from pgboss.job j
