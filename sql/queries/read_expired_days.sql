-- Days that have been over for an hour, so that nobody is still settling into them, and what is left of those whose
-- removal was interrupted.
-- => daily text  the table that they are of
-- => day text  YYYYMMDD
-- => attached bool  still a partition
-- => pending bool  detaching was begun and not finished
select parent.relname::text as daily, right(c.relname, 8) as day, i.inhrelid is not null as attached,
       coalesce(i.inhdetachpending, false) as pending
  from unnest(kongtask.daily_tables()) as t (name)
  join pg_class history on history.oid = 'kongtask.history'::regclass
  join pg_class parent on parent.relnamespace = history.relnamespace and parent.relname = t.name
  join pg_class c on c.relnamespace = parent.relnamespace and c.relkind = 'r' and c.relname ~ ('^' || t.name || '_[0-9]{8}$')
  left join pg_inherits i on i.inhrelid = c.oid and i.inhparent = parent.oid
 where right(c.relname, 8) < to_char((kongtask.clock() - interval '1 hour') at time zone 'UTC', 'YYYYMMDD')
 order by c.relname
