-- Days of history that are over, and what is left of those whose removal was interrupted.
-- => day text  YYYYMMDD
-- => attached bool  still a partition
-- => pending bool  detaching was begun and not finished
select right(c.relname, 8) as day, i.inhrelid is not null as attached, coalesce(i.inhdetachpending, false) as pending
  from pg_class parent
  join pg_class c on c.relnamespace = parent.relnamespace and c.relkind = 'r' and c.relname ~ '^history_[0-9]{8}$'
  left join pg_inherits i on i.inhrelid = c.oid and i.inhparent = parent.oid
 where parent.oid = 'kongtask.history'::regclass
   and right(c.relname, 8) < to_char(kongtask.clock() at time zone 'UTC', 'YYYYMMDD')
 order by c.relname
