-- What the role of this session has and lacks of what it takes to add, to work and to own (docs/access.md; migrations: grant_access).
-- => purpose text  add, work (what comes to add) or own
-- => granted int4
-- => missing text[]
-- => remedy text  the statement that gives it, for the owner
with place as (
  select n.oid, n.nspname, n.oid::regnamespace::text as spelled, c.relowner as owner
    from pg_namespace n
    join pg_class c on c.relnamespace = n.oid and c.relname = 'jobs'
   where n.oid = to_regnamespace('"kongtask"')
), rights (purpose, what, given) as (
  select 'add', format('usage of the schema %s', p.spelled), has_schema_privilege(p.oid, 'usage') from place p
  union all
  select case when f.proname in ('add_job', 'add_jobs', 'insert_jobs') then 'add' else 'work' end,
         format('execute of %s', f.proname), has_function_privilege(f.oid, 'execute')
    from place p
    join pg_proc f on f.pronamespace = p.oid and f.proowner = p.owner
   where f.proname not in ('grant_access', 'revoke_access', 'renew_access')
     and not exists (select from pg_depend d
                      where d.classid = 'pg_proc'::regclass and d.objid = f.oid and d.deptype = 'e')
  union all
  select 'work', format('usage of %s', s.relname), has_sequence_privilege(s.oid, 'usage')
    from place p
    join pg_class s on s.relnamespace = p.oid and s.relowner = p.owner and s.relkind = 'S'
  union all
  select 'work', format('%s of %s', needed.what, c.relname), has_table_privilege(c.oid, needed.what)
    from place p
    join pg_class c on c.relnamespace = p.oid and c.relowner = p.owner and c.relkind in ('r', 'p') and not c.relispartition
   cross join lateral unnest(
           case when c.relname ~ '_horizon$' or c.relname in ('migrations', 'settings') then '{select}'::text[]
                when c.relname = 'dead_letters' then '{select,insert,update,delete}'
                when c.relkind = 'p' then '{select,insert}'
                when c.relname in ('tasks', 'queues') then '{select,insert,update}'
                else '{select,insert,update,delete}' end) as needed (what)
  union all
  select 'own', format('what the role %s owns', p.owner::regrole::text), pg_has_role(p.owner, 'usage') from place p
)
select r.purpose,
       count(*) filter (where r.given)::int4 as granted,
       coalesce(array_agg(r.what order by r.what) filter (where not r.given), '{}') as missing,
       case r.purpose
         when 'own' then format('grant %s to %I', p.owner::regrole::text, current_user)
         else format('select %s.grant_access(%L, %L)', p.spelled, r.purpose, current_user) end as remedy
  from rights r
 cross join place p
 group by r.purpose, p.spelled, p.owner
 order by r.purpose
