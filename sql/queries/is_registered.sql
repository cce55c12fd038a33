-- Whether a process is still there.
-- :worker int4
-- => registered bool
select exists (select from kongtask.workers w where w.id = :worker) as registered
