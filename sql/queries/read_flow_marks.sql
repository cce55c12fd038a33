-- What to remember, so that read_flow finds what has been added and has ended since.
-- => at int8  KongTask's time, in microseconds since 1970: rows bear so many, JavaScript's dates do not
-- => newest int8  the number of the job that was added last
-- => days text[]  the days of history, as 20260901
-- => blocks int8[]  so long is each
select (extract(epoch from kongtask.clock()) * 1000000)::int8 as at,
       coalesce(pg_sequence_last_value('kongtask.job_ids'::regclass), 0) as newest,
       coalesce(array_agg(right(c.relname, 8)::text order by c.relname), '{}') as days,
       coalesce(array_agg(pg_relation_size(c.oid) / current_setting('block_size')::int8 order by c.relname), '{}') as blocks
  from pg_inherits i
  join pg_class c on c.oid = i.inhrelid
 where i.inhparent = 'kongtask.history'::regclass and c.relname ~ '_[0-9]{8}$'
