-- One process at a time changes a schema; the lock ends with the transaction.
select pg_advisory_xact_lock(hashtextextended('kongtask:migrations', 0))
