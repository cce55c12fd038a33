-- Who may do what: nobody but the owner anything, until told. docs/access.md has the set-up with three roles.

-- Our functions, which PostgreSQL lets everybody execute unless told otherwise; what extensions brought is not ours.
create function kongtask.own_functions() returns setof oid
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select p.oid
    from pg_proc p
    join pg_proc self on self.oid = 'kongtask.own_functions()'::regprocedure
   where p.pronamespace = self.pronamespace and p.proowner = self.proowner
     and not exists (select from pg_depend d
                      where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
$$;

create function kongtask.revoke_access(p_role text) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  execute format('revoke all on all functions in schema "kongtask" from %I', p_role);
  execute format('revoke all on all tables in schema "kongtask" from %I', p_role);
  execute format('revoke all on all sequences in schema "kongtask" from %I', p_role);
  execute format('revoke all on schema "kongtask" from %I', p_role);
end
$$;

-- p_access: 'add' (add jobs, and nothing else) or 'work' (that, and claim, run and settle them, and look at everything).
-- The role gets exactly this, whatever it had before. Who administers is the owner, the role that migrates.
create function kongtask.grant_access(p_access text, p_role text) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_function oid;
  v_table name;
  v_rights text;
begin
  if p_access is null or p_access not in ('add', 'work') then
    perform kongtask.refuse('KT_OPTION_INVALID', format('grant_access gives ''add'' or ''work'', not %L.', p_access));
  elsif not exists (select from pg_roles r where r.rolname = p_role) then
    perform kongtask.refuse('KT_OPTION_INVALID', format('grant_access: there is no role %L. Create it first.', p_role));
  end if;
  perform kongtask.revoke_access(p_role);
  execute format('grant usage on schema "kongtask" to %I', p_role);
  execute format('grant execute on function kongtask.add_job, kongtask.add_jobs, kongtask.insert_jobs to %I', p_role);
  if p_access = 'work' then
    for v_function in
      select f from kongtask.own_functions() as f
       where f not in ('kongtask.grant_access'::regproc, 'kongtask.revoke_access'::regproc, 'kongtask.renew_access'::regproc)
    loop
      execute format('grant execute on function %s to %I', v_function::regprocedure, p_role);
    end loop;
    execute format('grant select on all tables in schema "kongtask" to %I', p_role);
    execute format('grant usage on all sequences in schema "kongtask" to %I', p_role);
    -- Settings, migrations and the days of what is kept by the day are the owner's. What is kept is only added to, but for
    -- dead letters, which come back; names stay for good.
    for v_table, v_rights in
      select c.relname,
             case when c.relname = 'dead_letters' then 'insert, update, delete'
                  when c.relkind = 'p' then 'insert'
                  when c.relname in ('tasks', 'queues') then 'insert, update'
                  else 'insert, update, delete' end
        from pg_class c
        join pg_class self on self.oid = 'kongtask.jobs'::regclass
       where c.relnamespace = self.relnamespace and c.relowner = self.relowner and c.relkind in ('r', 'p')
         and c.relname !~ '_([0-9]{8}|horizon)$' and c.relname not in ('migrations', 'settings')
    loop
      execute format('grant %s on kongtask.%I to %I', v_rights, v_table, p_role);
    end loop;
  end if;
end
$$;

-- What a migration that makes tables or functions ends with: nobody else may touch them, and whoever may add or work
-- may go on doing so.
create function kongtask.renew_access() returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_function oid;
  v_role text;
  v_works bool;
begin
  for v_function in select f from kongtask.own_functions() as f loop
    execute format('revoke all on function %s from public', v_function::regprocedure);
  end loop;
  for v_role, v_works in
    select r.rolname, bool_or(p.oid = 'kongtask.claim_jobs'::regproc)
      from pg_proc p
     cross join lateral aclexplode(p.proacl) as granted
      join pg_roles r on r.oid = granted.grantee
     where p.oid in ('kongtask.add_job'::regproc, 'kongtask.claim_jobs'::regproc) and granted.grantee <> p.proowner
     group by r.rolname
  loop
    perform kongtask.grant_access(case when v_works then 'work' else 'add' end, v_role);
  end loop;
end
$$;

-- What the client and the runner call finds PostgreSQL's own functions and operators and no others, however the
-- search_path is set; so does all that these call in turn. (A setting costs; so it stands at the doors only.)
do $$
declare
  v_function oid;
begin
  for v_function in
    select f from kongtask.own_functions() as f
      join pg_proc p on p.oid = f
     where p.proname = any ('{
       claim_jobs, settle_jobs, register_worker, heartbeat, unregister_worker, rescue_workers, this_session, is_open,
       absent_workers, rescue_absent_workers, publish,
       run_alone, take_turn, prune_unique_keys}')
  loop
    execute format('alter function %s set search_path = pg_catalog, pg_temp', v_function::regprocedure);
  end loop;
end
$$;

select kongtask.renew_access();
