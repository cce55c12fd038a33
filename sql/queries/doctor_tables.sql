-- The tables that change all the time: how many of their rows are dead, how large they are, and whether autovacuum minds them.
-- => name text
-- => live int8
-- => dead int8
-- => bytes int8  with indexes, and what is stored out of line
-- => heap int8  bytes of the rows alone
-- => due int8  so many dead rows call autovacuum
-- => vacuumed_at timestamptz?  by whomever
-- => minded bool  autovacuum is not switched off for it
-- => mind text  the statement that switches it on
-- => vacuum text  the statement that takes dead rows away
-- => shrink text  the statement that gives the space back, while nobody can use the table
select c.relname::text as name,
       pg_stat_get_live_tuples(c.oid) as live,
       pg_stat_get_dead_tuples(c.oid) as dead,
       pg_total_relation_size(c.oid) as bytes,
       pg_relation_size(c.oid) as heap,
       (coalesce(o.threshold, current_setting('autovacuum_vacuum_threshold'))::float8
         + coalesce(o.factor, current_setting('autovacuum_vacuum_scale_factor'))::float8 * greatest(c.reltuples, 0))::int8 as due,
       greatest(pg_stat_get_last_vacuum_time(c.oid), pg_stat_get_last_autovacuum_time(c.oid)) as vacuumed_at,
       coalesce(o.enabled::bool, true) as minded,
       format('alter table %s reset (autovacuum_enabled)', c.oid::regclass) as mind,
       format('vacuum (verbose) %s', c.oid::regclass) as vacuum,
       format('vacuum (full, verbose) %s', c.oid::regclass) as shrink
  from pg_class c
 cross join lateral (
         select max(option_value) filter (where option_name = 'autovacuum_enabled') as enabled,
                max(option_value) filter (where option_name = 'autovacuum_vacuum_threshold') as threshold,
                max(option_value) filter (where option_name = 'autovacuum_vacuum_scale_factor') as factor
           from pg_options_to_table(c.reloptions)) as o
 where c.relnamespace = to_regnamespace('"kongtask"') and c.relkind = 'r'
   and c.relname in ('jobs', 'claims', 'claim_marks', 'serial_keys', 'unique_keys', 'workers', 'messages', 'completions', 'progress', 'steps', 'rates')
 order by pg_total_relation_size(c.oid) desc, c.relname
