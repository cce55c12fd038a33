-- What stands where the schema should be, before anything of ours is trusted to exist.
-- :schema text
-- => version int4  of the server, as 150004
-- => exists bool
-- => ours bool  it has our table of migrations
-- => occupied bool  it has tables, views or functions
select current_setting('server_version_num')::int4 as version,
       n.oid is not null as exists,
       (select count(*) = 4 from pg_attribute a
         where a.attrelid = to_regclass(format('%I.migrations', :schema))
           and a.attname in ('number', 'name', 'breaking', 'applied_at')) as ours,
       exists (select from pg_class c where c.relnamespace = n.oid)
         or exists (select from pg_proc p where p.pronamespace = n.oid) as occupied
  from (select 1) one
  left join pg_namespace n on n.nspname = :schema
