-- Puts the same payload, sealed with another key, in the place of what it was. Nobody has changed anything by that, so it does
-- not stand in schedule_changes; but who has read the schedule before must read it again, and whoever listens looks.
-- :name text
-- :revision int8
-- :key text  its id
-- :payload jsonb
-- => name text  no row: it is not there in that revision any more
with resealed as (
  update kongtask.schedules s
     set job = s.job || jsonb_build_object('encryptionKey', :key), payload = :payload, revision = s.revision + 1
   where s.name = :name and s.revision = :revision
  returning s.name
)
select r.name from resealed r cross join lateral pg_notify('kongtask:schedule', '')
