-- Forgets expired jobs of the overflow, a batch at a time. Index: history_overflow_expiry.
-- :limit int4
-- => pruned int8
with expired as (
  select o.ctid from kongtask.history_overflow o
   where o.expires_at < kongtask.clock()
   order by o.expires_at
   limit :limit
     for update skip locked
),
gone as (
  delete from kongtask.history_overflow o using expired where o.ctid = expired.ctid returning 1
)
select count(*) as pruned from gone
