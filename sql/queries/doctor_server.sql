-- What the server is, what time it has, and what the role of this session may see of it.
-- => version int4  as 150004
-- => release text  as people write it
-- => role text
-- => standby bool
-- => read_only bool  transactions write nothing unless they ask to
-- => autovacuum bool
-- => counts bool  what autovacuum goes by is counted
-- => sees_all bool  what other roles' sessions are at is shown
-- => sees_how text  the statement after which it is
-- => at timestamptz
select current_setting('server_version_num')::int4 as version,
       split_part(current_setting('server_version'), ' ', 1) as release,
       current_user::text as role,
       pg_is_in_recovery() as standby,
       current_setting('default_transaction_read_only')::bool as read_only,
       current_setting('autovacuum')::bool as autovacuum,
       current_setting('track_counts')::bool as counts,
       pg_has_role(current_user, 'pg_read_all_stats', 'usage') as sees_all,
       format('grant pg_read_all_stats to %I', current_user) as sees_how,
       clock_timestamp() as at
