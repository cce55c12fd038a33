-- Forgets what has expired of that for which there were no days, a batch at a time. The time is a subquery's, or no index
-- would be asked for it. Indexes: history_overflow_expiry, dead_letters_lasting_expiry.
-- :limit int4  of each
-- => jobs int4
-- => letters int4
with expired as (
  select o.ctid from kongtask.history_overflow o
   where o.expires_at < (select kongtask.clock())
   order by o.expires_at
   limit :limit
     for update skip locked
),
gone as (
  delete from kongtask.history_overflow o using expired where o.ctid = expired.ctid returning 1
),
expired_letters as (
  select d.ctid from kongtask.dead_letters_lasting d
   where d.expires_at < 'infinity' and d.expires_at < (select kongtask.clock())
   order by d.expires_at
   limit :limit
     for update skip locked
),
gone_letters as (
  delete from kongtask.dead_letters_lasting d using expired_letters where d.ctid = expired_letters.ctid returning 1
)
select (select count(*) from gone)::int4 as jobs, (select count(*) from gone_letters)::int4 as letters
