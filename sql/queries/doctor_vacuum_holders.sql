-- Who keeps vacuum from taking dead rows of this database away, the oldest first. The statement that remedies it is for this
-- server, that of a standby for the standby. A slot in use belongs to a standby or a subscriber: who that is, is all it asks.
-- => kind text  session, prepared, slot or standby
-- => name text  of the application, the transaction, the slot or the standby
-- => pid int4?
-- => age int4  transactions since then
-- => held float8?  milliseconds
-- => doing text?
-- => host text?  of a standby
-- => remedy text  the statement
select held.kind, held.name, held.pid, held.age, held.held, held.doing, held.host, held.remedy
  from (
    select 'session' as kind, a.application_name as name, a.pid,
           greatest(age(a.backend_xmin), age(a.backend_xid)) as age,
           (extract(epoch from clock_timestamp() - a.xact_start) * 1000)::float8 as held,
           format('%s: %s', a.state, left(regexp_replace(a.query, '\s+', ' ', 'g'), 80)) as doing,
           null::text as host,
           format('select pg_terminate_backend(%s)', a.pid) as remedy
      from pg_stat_activity a
     where a.datname = current_database() and a.pid <> pg_backend_pid()
       and coalesce(a.backend_xmin, a.backend_xid) is not null
       and a.backend_type not in ('autovacuum worker', 'parallel worker', 'walsender')
    union all
    select 'prepared', p.gid, null, age(p.transaction),
           (extract(epoch from clock_timestamp() - p.prepared) * 1000)::float8, format('prepared by %s', p.owner), null,
           format('rollback prepared %L', p.gid)
      from pg_prepared_xacts p
     where p.database = current_database()
    union all
    select 'slot', s.slot_name::text, s.active_pid, greatest(age(s.xmin), age(s.catalog_xmin)), null,
           case when s.active then format('%s, in use', s.slot_type) else format('%s, nobody uses it', s.slot_type) end, null,
           case when s.active
                then format('select application_name, client_addr, state, replay_lsn, replay_lag from pg_stat_replication where pid = %s',
                            s.active_pid)
                else format('select pg_drop_replication_slot(%L)', s.slot_name) end
      from pg_replication_slots s
     where coalesce(s.xmin, s.catalog_xmin) is not null
    union all
    select 'standby', r.application_name, r.pid, age(r.backend_xmin), null, r.state, host(r.client_addr),
           'alter system set hot_standby_feedback = off'
      from pg_stat_replication r
     where r.backend_xmin is not null) as held
 order by held.age desc, held.held desc nulls last
 limit 20
