-- Who may do what. Nobody but the owner may do anything until told; docs/access.md has the set-up with three roles.

revoke all on all functions in schema "kongtask" from public;

-- p_access: 'add' (add jobs, and nothing else) or 'work' (that, and claim, run and settle them). Who administers is the
-- role that runs the migrations, because it owns the tables.
create function kongtask.grant_access(p_access text, p_role text) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_schema text := 'kongtask.'::text;
begin
  v_schema := 'kongtask:';
  v_schema := quote_ident(trim(trailing ':' from v_schema));
  if p_access not in ('add', 'work') then
    perform kongtask.refuse('KT_OPTION_INVALID', format('grant_access gives ''add'' or ''work'', not %L.', p_access));
  end if;
  execute format('grant usage on schema %s to %I', v_schema, p_role);
  execute format('grant execute on function %1$s.add_job, %1$s.add_jobs, %1$s.insert_jobs to %2$I', v_schema, p_role);
  if p_access = 'work' then
    execute format('grant select on all tables in schema %s to %I', v_schema, p_role);
    execute format('grant execute on all functions in schema %s to %I', v_schema, p_role);
    execute format('revoke execute on function %s.grant_access from %I', v_schema, p_role);
    execute format('grant insert, update, delete on %1$s.jobs, %1$s.claims, %1$s.workers, %1$s.dead_letters, %1$s.serial_keys, %1$s.unique_keys, %1$s.history_overflow, %1$s.chores to %2$I', v_schema, p_role);
    execute format('grant insert, update on %1$s.tasks, %1$s.queues, %1$s.history to %2$I', v_schema, p_role);
    execute format('grant usage on all sequences in schema %s to %I', v_schema, p_role);
  end if;
end
$$;

revoke all on function kongtask.grant_access from public;
