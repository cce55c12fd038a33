-- The oldest that nobody else is at.
delete from kongtask.bench_raw
 where id = any (array(select id from kongtask.bench_raw order by id limit 100 for update skip locked))
